"""What the clinics' files take on the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from diagnosis.models import Prediction, Scan
from diagnosis.models.base import ClinicalQuerySet

# Folder below PRIVATE_ROOT → what lies in it. Files there begin with the key of what they belong to.
KINDS = {
    "originals": _("Originals, unaltered"),
    "attention": _("Attention maps"),
    "seen": _("Input images of the classifiers"),
    "renditions": _("Display images (can be generated again)"),
}
KEY = 32  # hexadecimal digits


@dataclass(frozen=True)
class Usage:
    """One kind of file. `missing`: rows whose file is not there, for kinds that every row has."""

    kind: str
    files: int
    size: int  # bytes
    missing: int = 0


@dataclass(frozen=True)
class Disk:
    """The disk that holds the files; in bytes."""

    total: int
    free: int


def usage(root: Path, scans: ClinicalQuerySet[Scan]) -> list[Usage]:
    """By kind, for the files of `scans` alone, as they lie on the disk."""
    scan_keys = {pk.hex for pk in scans.values_list("pk", flat=True)}
    predictions = Prediction.objects.filter(image__in=scans)
    prediction_keys = {pk.hex for pk in predictions.values_list("pk", flat=True)}
    return [
        _measure(root, "originals", scan_keys, complete=True),
        _measure(root, "attention", prediction_keys, complete=True),
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
    return Usage(str(KINDS[kind]), files, size, len(keys - found) if complete else 0)


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Name and bytes of every file two levels down; none where the folder is not there yet."""
    if not folder.is_dir():
        return
    for part in os.scandir(folder):
        if part.is_dir(follow_symlinks=False):
            yield from ((entry.name, entry.stat(follow_symlinks=False).st_size) for entry in os.scandir(part.path))
