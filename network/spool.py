"""Where the bytes of received instances lie until they are an image's: one file each, named by the row's key."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from diagnosis.scans import orphans
from network.models import ReceivedInstance

FOLDER = "received"
# A file is written, flushed and indexed within seconds. What has no row after this never will.
SAFE_AGE = timedelta(hours=1)
# Room that is left for the database and everything else.
RESERVED_BYTES = 256 * 1024 * 1024


def path_of(key: uuid.UUID) -> Path:
    """In one of a few folders: a new one costs more than a file, because its own entry must reach the disk too."""
    return Path(settings.PRIVATE_ROOT) / FOLDER / key.hex[:1] / key.hex


def has_room(size: int) -> bool:
    _make_folder(Path(settings.PRIVATE_ROOT) / FOLDER)
    return shutil.disk_usage(settings.PRIVATE_ROOT).free - size > RESERVED_BYTES


def write(key: uuid.UUID, parts: Iterable[bytes | memoryview]) -> None:
    """The file, readable by this account only, on the disk when this returns. Raises OSError and leaves nothing."""
    path = path_of(key)
    _make_folder(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        _flush(path.parent)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _make_folder(folder: Path) -> None:
    """A new folder is itself an entry that must reach the disk."""
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for above in (folder.parent, folder.parent.parent):
        _flush(above)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(key: uuid.UUID) -> bytes:
    """Raises FileNotFoundError."""
    return path_of(key).read_bytes()


def remove(key: uuid.UUID) -> None:
    path_of(key).unlink(missing_ok=True)


def sweep(*, older_than: timedelta = SAFE_AGE) -> int:
    """Delete the files without a row, which nobody was told are here. Returns how many."""
    return sum(1 for _ in _swept(older_than))


def _swept(older_than: timedelta) -> Iterator[Path]:
    kind = orphans.Kind(FOLDER, ReceivedInstance)
    for _kind, path in orphans.orphans(Path(settings.PRIVATE_ROOT), older_than=older_than, kinds=(kind,)):
        path.unlink(missing_ok=True)
        yield path
