"""A folder that nobody else can open, and that is whole or not there at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diagnosis.disk import flush


class Growing:
    """Files are added beside `folder`, in one with a name of its own; `appear` gives it the right one.

    A process that is killed leaves that other folder, whose name begins with a dot and ends in `.partial`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))

    def add(self, name: str, data: bytes) -> None:
        file = self._path / name
        for place in reversed([one for one in file.parents if one.is_relative_to(self._path)]):
            place.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())

    def settle(self) -> None:
        """To the disk, so that a power cut after `appear` leaves no gap."""
        for place in (self._path, *(one for one in self._path.rglob("*") if one.is_dir())):
            flush(place)

    def appear(self) -> None:
        """Raises FileExistsError where there is something of that name by now."""
        if os.path.lexists(self._folder):
            raise FileExistsError(f"{self._folder} exists. Nothing was written.")
        self._path.rename(self._folder)
        flush(self._folder.parent)

    def drop(self) -> None:
        """What did not appear."""
        shutil.rmtree(self._path, ignore_errors=True)


@contextmanager
def growing(folder: Path) -> Iterator[Growing]:
    """Gone after an error, and where it did not appear."""
    made = Growing(folder)
    try:
        yield made
    finally:
        made.drop()
