"""Files on their way into a backup and out of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO

from diagnosis.disk import flush

BLOCK = 1 << 20


class Counted:
    """Reads or writes through to `file`, counting bytes and hashing them.

    The encryption tells only the words of an error that it met; `error` keeps the error itself.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash = file, hashlib.sha256()
        self.size = 0
        self.error: OSError | None = None

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def read(self, size: int = -1) -> bytes:
        try:
            block = self._file.read(size)
        except OSError as error:
            self.error = error
            raise
        self._count(block)
        return block

    def write(self, block: bytes) -> int:
        try:
            self._file.write(block)
        except OSError as error:
            self.error = error
            raise
        self._count(block)
        return len(block)

    def flush(self) -> None:
        self._file.flush()

    def _count(self, block: bytes) -> None:
        self._hash.update(block)
        self.size += len(block)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put_in_place(draft: Path, place: Path) -> None:
    """Let a whole file appear under its name, and last through a power cut."""
    flush(draft)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft.rename(place)
    flush(place.parent)
