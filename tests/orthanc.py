"""Debian's Orthanc, the archive that tests and benches call and are called by."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ports import is_served

PROGRAM = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
PLUGINS = Path("/usr/share/orthanc/plugins")
DICOMWEB = PLUGINS / "libOrthancDicomWeb.so"
WORKLISTS = PLUGINS / "libModalityWorklists.so"
TITLE = "ARCHIVE"


def is_missing(*plugins: Path) -> bool:
    """Whether a test has to be skipped: never where all of them must run."""
    return not all(one.exists() for one in (Path(PROGRAM), *plugins)) and not os.environ.get("CI")


def command(
    folder: Path, *, dicom: int, web: int, title: str = TITLE, plugins: tuple[Path, ...] = (), **more: Any
) -> list[str]:
    """What starts it on these ports of 127.0.0.1 with all that it keeps in `folder`; `more`: of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {
        "DicomAet": title,
        "DicomPort": dicom,
        "HttpPort": web,
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(one) for one in plugins],
        **more,
    }
    file = folder / "orthanc.json"
    file.write_text(json.dumps(configuration))
    return [PROGRAM, str(file)]


@contextmanager
def running(folder: Path, *, dicom: int, web: int, **more: Any) -> Iterator[None]:
    """While the block lasts, from when it answers on both ports; as `command`."""
    started = command(folder, dicom=dicom, web=web, **more)
    with subprocess.Popen(started, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for port in (dicom, web):
                assert is_served(port, alive=lambda: process.poll() is None), f"Orthanc does not listen on port {port}"
            yield
        finally:
            process.terminate()


def asked(web: int, path: str) -> Any:
    """Its answer over HTTP. Raises OSError while it is away."""
    with urllib.request.urlopen(f"http://127.0.0.1:{web}{path}", timeout=60) as answer:
        return json.load(answer)


def count(web: int) -> int:
    """How many instances it has."""
    return int(asked(web, "/statistics")["CountInstances"])
