"""What earlier backups read, so that a file that has not changed is not read again. Losing it costs time only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from portal.backup import places

AT_ONCE = 300  # files; what an interrupted backup read before is not read again


class Known:
    """By path and size and time of the last change: the hash, and the bytes that it takes in the backup folder."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database, self._kept = database, 0

    def find(self, path: Path, found: os.stat_result) -> tuple[str, int] | None:
        asked = "SELECT sha256, stored FROM known WHERE path = ? AND size = ? AND changed = ?"
        row = self._database.execute(asked, (str(path), found.st_size, found.st_mtime_ns)).fetchone()
        return (row[0], row[1]) if row else None

    def keep(self, path: Path, found: os.stat_result, sha256: str, stored: int) -> None:
        row = (str(path), found.st_size, found.st_mtime_ns, sha256, stored)
        self._database.execute("INSERT OR REPLACE INTO known VALUES (?, ?, ?, ?, ?)", row)
        self._kept += 1
        if self._kept % AT_ONCE == 0:
            self._database.commit()


@contextmanager
def known() -> Iterator[Known]:
    with closing(sqlite3.connect(places.working() / "known.sqlite3")) as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS known (path TEXT PRIMARY KEY, size INT, changed INT, sha256 TEXT, stored INT)"
        )
        try:
            yield Known(database)
        finally:
            database.commit()
