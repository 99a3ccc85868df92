"""What belongs to a backup: one line of JSON about the whole, then one for each file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import IO, Any, Self

from portal.backup import places
from portal.backup.errors import BackupDamaged
from portal.backup.store import Stored

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """`path` begins with the name of its place: private/originals/… or audit/…"""

    path: str
    stored: Stored

    @classmethod
    def read(cls, line: str) -> Entry:
        """Raises BackupDamaged for a path that would leave its place, or that no backup saves."""
        told = json.loads(line)
        path = PurePosixPath(told["path"])
        if ".." in path.parts or len(path.parts) < 2 or path.parts[0] not in places.LEFT_OUT:
            raise BackupDamaged(f"The manifest names a path outside: {path}.")
        if places.is_left_out(*path.parts[:2]):
            raise BackupDamaged(f"The manifest names a path that no backup saves: {path}.")
        return cls(str(path), Stored(told["object"], int(told["size"]), told["sha256"]))

    def line(self) -> str:
        stored = self.stored
        said = {"path": self.path, "object": stored.name, "size": stored.size, "sha256": stored.sha256}
        return json.dumps(said) + "\n"


@dataclass(frozen=True)
class Header:
    """About the whole.

    `rows`: of each table. `missing`, `altered`: files that rows name, and how they were found on the disk. `gone`:
    deleted, with their rows, while the backup was made. `deleted`: of studies that people deleted, whose rows stay.
    `key_check`: which audit key it was, not proven: that is `Store.is_our_own`.
    """

    made_at: str
    version: str
    engine: str
    server: int
    migrations: list[str]
    rows: dict[str, int]
    database: dict[str, Any]
    files: int
    key_check: str
    missing: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def database_stored(self) -> Stored:
        return Stored(**self.database)

    @property
    def unsound(self) -> set[str]:
        """Paths of rows of which the backup does not have the right file."""
        return {*self.missing, *self.altered, *self.gone, *self.deleted}


class Draft:
    """The lines of the files while they are collected, on the disk: there may be millions."""

    def __init__(self) -> None:
        self._lines = places.temporary()
        self.files = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._lines.close()

    def add(self, entry: Entry) -> None:
        self._lines.write(entry.line().encode())
        self.files += 1

    def whole(self, header: Header) -> IO[bytes]:
        found = places.temporary()  # the caller closes it
        found.write(json.dumps(asdict(header)).encode() + b"\n")
        self._lines.seek(0)
        shutil.copyfileobj(self._lines, found)
        found.seek(0)
        return found


@dataclass(frozen=True)
class Manifest:
    header: Header
    _file: IO[bytes]

    @classmethod
    def read(cls, file: IO[bytes]) -> Manifest:
        file.seek(0)
        try:
            header = Header(**json.loads(file.readline()))
        except (ValueError, TypeError) as error:
            raise BackupDamaged(f"The manifest cannot be read: {error}.") from error
        return cls(header, file)

    def entries(self) -> Iterator[Entry]:
        """Raises BackupDamaged where one is missing."""
        self._file.seek(0)
        self._file.readline()
        count = 0
        for line in self._file:
            yield Entry.read(line.decode())
            count += 1
        if count != self.header.files:
            raise BackupDamaged(f"The manifest names {count} files instead of {self.header.files}.")
