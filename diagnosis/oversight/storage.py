"""What the clinics' files take on the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.core.cache import cache
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnosis.models import AttentionMap, Prediction, Scan
from diagnosis.models.base import ClinicalQuerySet

# Folder below PRIVATE_ROOT → what lies in it. Files there begin with the key of what they belong to.
KINDS = {
    "originals": _("Originals, unaltered"),
    "attention": _("Attention maps"),
    "drawn": _("Attention maps that were asked for (can be drawn again)"),
    "seen": _("Input images of the classifiers"),
    "renditions": _("Display images (can be generated again)"),
}
KEY = 32  # hexadecimal digits
FORM = 2  # of what is kept: another number when its form or its meaning changes
KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Usage:
    """One kind of file. `missing`: rows whose file is not there, for kinds that every row has."""

    kind: str  # of KINDS
    files: int
    size: int  # bytes
    missing: int = 0

    @property
    def label(self) -> str:
        return str(KINDS[self.kind])

    def __add__(self, other: Usage) -> Usage:
        """Of the same kind in another clinic."""
        return Usage(self.kind, self.files + other.files, self.size + other.size, self.missing + other.missing)


@dataclass(frozen=True)
class Disk:
    """The disk that holds the files; in bytes."""

    total: int
    free: int


@dataclass(frozen=True)
class Measured:
    """What was found at `at`, by kind."""

    at: datetime
    kinds: list[Usage]


def measured(root: Path, clinics: Iterable[UUID]) -> Measured:
    """What the clinics' files took when they were last measured; measures now where that was never.

    To look at every file takes as long as there are files, which is no time for a page: a periodic task does it.
    """
    found = [cache.get(_key(clinic)) or measure(root, clinic) for clinic in clinics]
    kinds = [sum(same[1:], same[0]) for same in zip(*(one.kinds for one in found), strict=True)]
    return Measured(min(one.at for one in found), kinds)


def measure(root: Path, clinic: UUID) -> Measured:
    """Look at every file of the clinic now, and keep what was found for `measured`."""
    found = Measured(timezone.now(), usage(root, Scan.objects.filter(clinic=clinic)))
    cache.set(_key(clinic), found, timeout=KEPT.total_seconds())
    return found


def _key(clinic: UUID) -> str:
    return f"storage:{FORM}:{clinic}"


def usage(root: Path, scans: ClinicalQuerySet[Scan]) -> list[Usage]:
    """By kind, for the files of `scans` alone, as they lie on the disk."""
    scan_keys = {pk.hex for pk in scans.values_list("pk", flat=True)}
    predictions = Prediction.objects.filter(image__in=scans)
    prediction_keys = {pk.hex for pk in predictions.values_list("pk", flat=True)}
    drawn = AttentionMap.objects.filter(drawing__image__in=scans)
    drawn_keys = {pk.hex for pk in drawn.values_list("pk", flat=True)}
    return [
        _measure(root, "originals", scan_keys, complete=True),
        _measure(root, "attention", prediction_keys, complete=True),
        _measure(root, "drawn", drawn_keys, complete=True),
        _measure(root, "seen", prediction_keys, complete=False),
        _measure(root, "renditions", scan_keys, complete=False),
    ]


def disk(root: Path) -> Disk:
    total, _, free = shutil.disk_usage(root)
    return Disk(total, free)


def _measure(root: Path, kind: str, keys: set[str], *, complete: bool) -> Usage:
    found: set[str] = set()
    files = size = 0
    for name, length in _files(root / kind):
        if name[:KEY] in keys:
            found.add(name[:KEY])
            files, size = files + 1, size + length
    return Usage(kind, files, size, len(keys - found) if complete else 0)


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Name and bytes of every file two levels down; none where the folder is not there yet."""
    if not folder.is_dir():
        return
    for part in os.scandir(folder):
        if part.is_dir(follow_symlinks=False):
            yield from ((entry.name, entry.stat(follow_symlinks=False).st_size) for entry in os.scandir(part.path))
