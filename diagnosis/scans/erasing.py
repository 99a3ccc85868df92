"""Erase the files of a study that was deleted: what came in, and everything that was made of it.

The deletion's row comes first, the files after it. Where the process ends between the two, or a disk refuses, `sweep`
goes on; it may run any number of times.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Collection, Iterable, Iterator
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import FileField, Q, QuerySet
from django.utils import timezone

from audit.notes import current, note_detail
from audit.record import record
from audit.vocabulary import Action, Event
from diagnosis.models import Deletion, Drawing, KeptAnswer
from diagnosis.scans import orphans

log = logging.getLogger(__name__)
# From a row that owns files to its study, and to that of the image which they show: one that was moved since was
# analysed with another study.
STUDY_OF = {
    "Scan": ("series__study",),
    "Prediction": ("analysis__study", "image__series__study"),
    "AttentionMap": ("drawing__analysis__study", "drawing__image__series__study"),
}
OF_DRAWING = ("analysis__study", "image__series__study")


def sweep() -> int:
    """Erase what is left of every study that was deleted. Returns of how many studies something was erased."""
    return sum(bool(erase(deletion)) for deletion in Deletion.objects.to_erase().select_related("study"))


def erase(deletion: Deletion) -> int:
    """Erase the files of a confirmed deletion. Returns how many; some may be left for `sweep` where a disk refuses."""
    if deletion.confirmed_at is None:
        raise ValueError("not confirmed")
    try:
        files = _unlink(deletion.study_id, Path(settings.PRIVATE_ROOT))
    except OSError:
        log.exception("files of the deleted study %s could not be erased yet", deletion.study_id)
        return 0
    # Only now, because they lead to their files.
    Drawing.objects.filter(_of(OF_DRAWING, [deletion.study_id])).delete()
    KeptAnswer.objects.forget_of(deletion.study.patient_id)
    Deletion.objects.filter(pk=deletion.pk, erased_at=None).update(erased_at=timezone.now())
    if files:
        _tell(deletion, files)
    return files


def files_of(study: uuid.UUID, root: Path) -> Iterator[Path]:
    """Every file below `root` that belongs to the study: their names begin with the key of a row of it.

    Raises OSError where a folder is there and cannot be listed.
    """
    for folder, keys in _places(study, root):
        yield from _named(folder, keys)


def _places(study: uuid.UUID, root: Path) -> Iterator[tuple[Path, set[str]]]:
    """The folders that may hold files of the study, and the keys that their names begin with there."""
    for kind in orphans.KINDS:
        starts: dict[str, set[str]] = {}
        for key in _keys(kind, study):
            starts.setdefault(key.hex[:2], set()).add(key.hex)
        for folder in (root / kind.folder, root / orphans.SET_ASIDE / kind.folder):
            yield from ((folder / start, keys) for start, keys in starts.items())


def _named(folder: Path, keys: Collection[str]) -> list[Path]:
    # Not `glob`, to which a folder that cannot be read is an empty one.
    try:
        return [file for file in folder.iterdir() if file.name[: orphans.KEY] in keys]
    except FileNotFoundError:
        return []


def names_of_deleted() -> set[str]:
    """What rows of deleted studies still name, relative to PRIVATE_ROOT: nobody should miss these files."""
    studies = Deletion.objects.confirmed().values("study")
    found = set[str]()
    for model in {kind.model for kind in orphans.KINDS}:
        rows: Any = model._base_manager.filter(_of(STUDY_OF[model.__name__], studies))
        for field in model._meta.concrete_fields:
            if isinstance(field, FileField):
                found.update(rows.values_list(field.name, flat=True))
    return found - {""}


def _keys(kind: orphans.Kind, study: uuid.UUID) -> list[uuid.UUID]:
    manager: Any = kind.model._base_manager
    return list(manager.filter(_of(STUDY_OF[kind.model.__name__], [study])).values_list("pk", flat=True))


def _of(paths: Iterable[str], studies: Iterable[uuid.UUID] | QuerySet[Any, Any]) -> Q:
    return reduce(or_, (Q(**{f"{path}__in": studies}) for path in paths))


def _unlink(study: uuid.UUID, root: Path) -> int:
    """Erase as much as the disk lets. Raises its first error after all of it was tried."""
    # Raises where the disk is away, which looks like a study without files.
    os.scandir(root / orphans.ORIGINALS).close()
    errors: list[OSError] = []
    count = sum(_empty(folder, keys, errors) for folder, keys in _places(study, root))
    if errors:
        raise errors[0]
    return count


def _empty(folder: Path, keys: Collection[str], errors: list[OSError]) -> int:
    try:
        return sum(_erased(file, errors) for file in _named(folder, keys))
    except OSError as error:
        errors.append(error)
        return 0


def _erased(file: Path, errors: list[OSError]) -> bool:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        errors.append(error)
        return False
    return True


def _tell(deletion: Deletion, files: int) -> None:
    """The request's entry says it too; outside of one it is an entry of its own."""
    told = {"erased": f"{files} files"}
    if current() is not None:
        note_detail(**told)
        return
    record(
        Event.RECORD,
        Action.DELETE,
        object_type="diagnosis.deletion",
        object_id=str(deletion.pk),
        patient=deletion.study.patient_id,
        detail=told,
    )
