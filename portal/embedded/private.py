"""Whatever the portal writes on this machine is for its own account alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# What every visitor gets anyway, and what a web server of another account may have to read.
PUBLIC = {"static"}


def close(var: Path) -> int:
    """Make `var`, and what an earlier version left in it, unreadable for other accounts; see to what comes.

    Returns how many files and folders were open. The parts that the launcher starts inherit its umask, and SQLite gives
    its side files the mode of the database.
    """
    os.umask(0o077)
    var.mkdir(parents=True, exist_ok=True)
    return sum(_close(path) for path in _inside(var))


def _inside(folder: Path) -> Iterator[Path]:
    yield folder
    for entry in os.scandir(folder):
        if entry.is_symlink() or (entry.is_dir() and entry.name in PUBLIC):
            continue
        if entry.is_dir():
            yield from _inside(Path(entry.path))
        else:
            yield Path(entry.path)


def _close(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
        if not mode & 0o077:
            return False
        path.chmod(mode & 0o7700)
    except FileNotFoundError:  # the parts of a portal that stops write and delete
        return False
    return True
