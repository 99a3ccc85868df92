"""Files without a row: a job that was killed between the two, a draft that was never finished.

Files are written before the row that names them, so a young file without a row is nothing strange. After SAFE_AGE it is
swept: what can be made again is deleted. An original is only moved to `set_aside/`, because after a restore of an older
database it may be the only copy of an image.
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import Model

from diagnosis.models import AttentionMap, Prediction, Scan

log = logging.getLogger(__name__)

SAFE_AGE = timedelta(days=1)
SET_ASIDE = "set_aside"
ORIGINALS = "originals"
KEY = 32  # hexadecimal digits
BATCH = 500


@dataclass(frozen=True)
class Kind:
    """The files below `folder` belong to the rows of `model` whose key their names begin with."""

    folder: str
    model: type[Model]
    is_made_again: bool = True


KINDS = (
    Kind(ORIGINALS, Scan, is_made_again=False),
    Kind("attention", Prediction),
    Kind("seen", Prediction),
    Kind("drawn", AttentionMap),
    Kind("renditions", Scan),
)


def orphans(
    root: Path, *, older_than: timedelta = SAFE_AGE, kinds: Iterable[Kind] = KINDS
) -> Iterator[tuple[Kind, Path]]:
    """Every file below `root` that no row owns, withdrawn rows included."""
    before = time.time() - older_than.total_seconds()
    for kind in kinds:
        for files in _batches(root / kind.folder, before):
            owned = _owned(kind, files)
            yield from ((kind, file) for file in files if _key(file) not in owned)


def owned(root: Path, kind: Kind, *, older_than: timedelta, **which: Any) -> Iterator[list[Path]]:
    """The files of rows of `which`, some at a time."""
    for files in _batches(root / kind.folder, time.time() - older_than.total_seconds()):
        keys = _owned(kind, files, **which)
        yield [file for file in files if _key(file) in keys]


def sweep(root: Path, *, older_than: timedelta = SAFE_AGE, kinds: Iterable[Kind] = KINDS) -> int:
    """Delete or set aside. Returns how many files; one that cannot be moved is left for the next time."""
    return sum(_put_away(root, kind, file) for kind, file in orphans(root, older_than=older_than, kinds=kinds))


def _put_away(root: Path, kind: Kind, file: Path) -> bool:
    try:
        if kind.is_made_again:
            file.unlink(missing_ok=True)
        else:
            _set_aside(file, root / SET_ASIDE / file.relative_to(root))
    except OSError:
        log.exception("%s has no row and could not be put away", file)
        return False
    log.warning("%s had no row and was %s", file, "deleted" if kind.is_made_again else "set aside")
    return True


def _set_aside(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.rename(place)


def _batches(folder: Path, before: float) -> Iterator[list[Path]]:
    """The files two levels down that were last written `before` (seconds since 1970), BATCH at a time."""
    found: list[Path] = []
    for entry in _entries(folder):
        if entry.stat(follow_symlinks=False).st_mtime < before:
            found.append(Path(entry.path))
        if len(found) == BATCH:
            yield found
            found = []
    yield found


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    if not folder.is_dir():
        return
    for part in os.scandir(folder):
        if part.is_dir(follow_symlinks=False):
            yield from (entry for entry in os.scandir(part.path) if entry.is_file(follow_symlinks=False))


def _owned(kind: Kind, files: Iterable[Path], **which: Any) -> set[uuid.UUID | None]:
    """The keys among the files that have a row. The plain manager also sees rows that were taken back."""
    keys = {key for file in files if (key := _key(file))}
    manager: Any = kind.model._base_manager
    return set(manager.filter(pk__in=keys, **which).values_list("pk", flat=True))


def _key(file: Path) -> uuid.UUID | None:
    """None for a draft, which begins with no key."""
    try:
        return uuid.UUID(file.name[:KEY])
    except ValueError:
        return None
