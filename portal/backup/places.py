"""What is saved, and where a backup works."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from django.conf import settings

from portal.backup.errors import BackupFailed

PRIVATE, AUDIT = "private", "audit"
SNAPSHOT = "snapshot-"
# Made again when somebody looks; on its way in, and not anybody's yet.
LEFT_OUT = {PRIVATE: {"renditions", "incoming"}, AUDIT: {"audit.key"}}


def roots() -> dict[str, Path]:
    """By the name that begins a path in a manifest."""
    return {PRIVATE: Path(settings.PRIVATE_ROOT), AUDIT: Path(settings.AUDIT_ROOT)}


def files(place: str) -> Iterator[tuple[str, Path]]:
    """All that is saved below a place, as it lies there now: name in a manifest and path."""
    root = roots()[place]
    for path in _below(root, place):
        yield f"{place}/{path.relative_to(root).as_posix()}", path


def is_left_out(place: str, first: str) -> bool:
    """Whether what lies under this name directly below a place is neither saved nor restored."""
    return any(first == one or first.startswith(f"{one}.") for one in LEFT_OUT[place])


def _below(folder: Path, place: str = "") -> Iterator[Path]:
    """`place`: where `folder` is one."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:  # not there yet, or swept just now
        return
    for entry in entries:
        if entry.is_symlink() or (place and is_left_out(place, entry.name)):
            continue
        if entry.is_dir():
            yield from _below(Path(entry.path))
        elif entry.is_file():
            yield Path(entry.path)


def path_of(name: str) -> Path:
    """Where a file of a manifest belongs on this machine."""
    place, _slash, rest = name.partition("/")
    return roots()[place] / rest


def working() -> Path:
    """For what a backup writes in clear: on the disk of the data, never in the backup folder."""
    folder = Path(settings.VAR_ROOT) / "backup"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextmanager
def snapshot_folder() -> Iterator[Path]:
    """For the database in clear; goes with the block, or with `sweep_snapshots` where the process was killed."""
    with ExitStack() as held:
        with _locked(working()):  # nobody sweeps between the two
            folder = Path(tempfile.mkdtemp(dir=working(), prefix=SNAPSHOT))
            held.enter_context(_locked(folder))
        held.callback(shutil.rmtree, folder)
        yield folder


def sweep_snapshots() -> None:
    """Remove those that no living process holds."""
    with _locked(working()):
        for folder in working().glob(f"{SNAPSHOT}*"):
            with suppress(BlockingIOError, FileNotFoundError), _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """The system lets go of it when the process ends, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def temporary() -> IO[bytes]:
    return tempfile.TemporaryFile("w+b", dir=working())


def check_backup_root(root: Path) -> None:
    """A backup inside what it saves would save itself. Raises BackupFailed."""
    for place in roots().values():
        if root.resolve().is_relative_to(place.resolve()):
            raise BackupFailed("place", f"BACKUP_ROOT, {root}, lies inside {place}: choose a folder on another disk.")
