"""A job that takes as long as a test wants: its file is a pipe, and reading it waits until the test writes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnosis.models import Analysis, Scan

PATIENCE_SECONDS = 180


class Pipe:
    """Stands in the place of a scan's original; whoever analyses it waits in the middle of the job."""

    def __init__(self, scan: Scan) -> None:
        self._path = Path(scan.original.path)
        self._data = self._path.read_bytes()
        self._path.unlink()
        os.mkfifo(self._path, 0o600)

    def send(self) -> None:
        """Let one waiting reader go on."""
        with self._path.open("wb") as pipe:
            pipe.write(self._data)

    def restore(self) -> None:
        """The file again, for readers to come."""
        self._path.unlink()
        self._path.write_bytes(self._data)


def eventually(seen: Callable[[], bool], what: str) -> None:
    """Wait until `seen`; fail with `what` when it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not seen():
        assert time.monotonic() < deadline, f"it never happened: {what}"
        time.sleep(0.05)


def reaches(analysis: Analysis, status: str) -> None:
    def there() -> bool:
        analysis.refresh_from_db()
        return analysis.status == status

    eventually(there, f"{analysis} is {status}")
