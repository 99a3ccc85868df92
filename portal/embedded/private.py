"""Whatever the portal writes on this machine is for its own account alone."""

from __future__ import annotations

import os
from pathlib import Path


def close(var: Path) -> None:
    """Make `var`, and what an earlier version left in it, unreadable for other accounts; see to what comes.

    The parts that the launcher starts inherit its umask, and SQLite gives its side files the mode of the database.
    """
    os.umask(0o077)
    var.mkdir(parents=True, exist_ok=True)
    for path in (var, *var.glob("*.sqlite3*"), var / "log", *var.glob("log/*")):
        if path.exists():
            path.chmod(path.stat().st_mode & ~0o077)
