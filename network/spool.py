"""Where the bytes of received instances lie until they are an image's: one file each, named by the row's key."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from diagnosis.disk import flush
from diagnosis.scans import orphans
from network.models import InstanceStatus, ReceivedInstance

FOLDER = "received"
# A file is written, flushed and indexed within seconds. What has no row after this never will.
SAFE_AGE = timedelta(hours=1)
# What was filed stays so long: a backup copies the database first, in which it may not have been filed yet.
FILED_AGE = timedelta(days=1)
# Room that is left for the database and everything else.
RESERVED_BYTES = 256 * 1024 * 1024
# Folders whose own entry this process has seen to the disk.
_flushed: set[Path] = set()


def path_of(key: uuid.UUID) -> Path:
    """In one of a few folders: a new one costs more than a file, because its own entry must reach the disk too."""
    return Path(settings.PRIVATE_ROOT) / name_of(key)


def name_of(key: uuid.UUID) -> str:
    """Its path below the private files."""
    return f"{FOLDER}/{key.hex[:1]}/{key.hex}"


def has_room(size: int) -> bool:
    _make_folder(Path(settings.PRIVATE_ROOT) / FOLDER)
    others = settings.DICOM_ASSOCIATIONS * settings.UPLOAD_MAX_BYTES  # which ask at the same moment
    return shutil.disk_usage(settings.PRIVATE_ROOT).free - size - others > RESERVED_BYTES


def write(key: uuid.UUID, parts: Iterable[bytes | memoryview]) -> None:
    """The file, readable by this account only, on the disk when this returns. Raises OSError and leaves nothing."""
    write_together({key: parts})


def write_together(files: Mapping[uuid.UUID, Iterable[bytes | memoryview]]) -> None:
    """Several, of which each folder has to reach the disk once. Raises OSError and leaves none of them."""
    try:
        for key, parts in files.items():
            _write(path_of(key), parts)
        for folder in {path_of(key).parent for key in files}:
            flush(folder)
    except OSError:
        for key in files:
            remove(key)
        raise


def _write(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    _make_folder(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path) -> None:
    """A new folder is itself an entry that must reach the disk; so may one be that another process has just made."""
    if folder in _flushed and folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for above in (folder.parent, folder.parent.parent):
        flush(above)
    _flushed.add(folder)


def read(key: uuid.UUID) -> bytes:
    """Raises FileNotFoundError."""
    return path_of(key).read_bytes()


def remove(key: uuid.UUID) -> None:
    path_of(key).unlink(missing_ok=True)


def release(key: uuid.UUID) -> None:
    """It is an image's now; the sweep takes it after FILED_AGE, counted from here."""
    with suppress(OSError):
        os.utime(path_of(key))


def sweep(*, older_than: timedelta = SAFE_AGE, filed: timedelta = FILED_AGE) -> int:
    """Put away the files without a row, and delete those that are an image's now. Returns how many.

    Where the database is an older one than the files, or not theirs at all, such a file may be the only copy of an
    image that was acknowledged: it is set aside, as an original is.
    """
    root = Path(settings.PRIVATE_ROOT)
    for path in _filed(root, filed):
        path.unlink(missing_ok=True)
    expire()
    kind = orphans.Kind(FOLDER, ReceivedInstance, is_made_again=False)
    return orphans.sweep(root, older_than=older_than, kinds=(kind,))


def expire() -> int:
    """Delete the bytes of what was rejected DICOM_REJECTED_DAYS ago; the rows stay. Returns of how many instances.

    The row says so first: a process that ends between the two leaves a file that the next turn deletes.
    """
    if not settings.DICOM_REJECTED_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.DICOM_REJECTED_DAYS)
    rejected = ReceivedInstance.objects.filter(status=InstanceStatus.REJECTED, study__decided_at__lt=before)
    keys = [key for key in rejected.values_list("pk", flat=True) if path_of(key).exists()]
    for key in keys:
        still = ReceivedInstance.objects.filter(pk=key, status=InstanceStatus.REJECTED)
        if still.update(reason_code="received", reason_params={"variant": "expired"}):
            remove(key)
    return len(keys)


def _filed(root: Path, older_than: timedelta) -> Iterator[Path]:
    kind = orphans.Kind(FOLDER, ReceivedInstance)
    for files in orphans.owned(root, kind, older_than=older_than, status=InstanceStatus.FILED):
        yield from files
