from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.test_serve import Portal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def var() -> Iterator[Path]:
    """The data folder of a portal."""
    # Not tmp_path: a long path would move the socket elsewhere, which has a test of its own.
    with tempfile.TemporaryDirectory(prefix="portal-serve-") as var:
        yield Path(var)


@pytest.fixture(scope="session")
def migrated() -> Iterator[Path]:
    """A database of SQLite with every table and no row. To make it takes some seconds of a core."""
    from tests.integration.test_serve import environment

    with tempfile.TemporaryDirectory(prefix="portal-migrated-") as folder:
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=ROOT, env=environment(Path(folder)), check=True)
        database = Path(folder, "db.sqlite3")
        assert not database.with_name("db.sqlite3-wal").exists(), "its tables are not all in the file yet"
        yield database


@pytest.fixture
def start_portal(var: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Portal]]:
    """`start_portal(host=…, SETTING=…)`: `manage.py serve` on `var`. Each is ended, and proved to be gone.

    `anew`: in an empty folder. Else it finds its tables where there is no database yet.
    """
    from tests.integration.test_serve import Portal

    started: list[Portal] = []

    def start(*, anew: bool = False, **options: str) -> Portal:
        if not anew and not Path(var, "db.sqlite3").exists():
            # With its rights: those of others are taken from it when it is made.
            shutil.copy(request.getfixturevalue("migrated"), Path(var, "db.sqlite3"))
        started.append(Portal(var, **options))
        return started[-1]

    yield start
    for portal in reversed(started):  # they share the folder by which each knows its processes
        portal.close()
