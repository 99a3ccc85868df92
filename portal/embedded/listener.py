"""The DICOM listener as a process."""

from __future__ import annotations

import sys
from pathlib import Path

from portal.embedded.process import Process


def listener_process(*, root: Path, log: Path) -> Process:
    """Only where DICOM_PORT names a port. Killed at any moment it loses nothing that it acknowledged."""
    command = [sys.executable, "manage.py", "listen_dicom"]
    return Process(name="DICOM listener", command=command, log=log, patience=5, directory=root)
