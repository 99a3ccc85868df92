"""What is said to the audit trail of clinical rows: which one is looked at or changed, and whose it is."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from django.db.models import ForeignKey, Model

from audit.notes import note_list, note_object

# From a row to its patient's key.
PATH = {
    "Patient": "pk",
    "Study": "patient",
    "Scan": "patient",
    **dict.fromkeys(("Series", "Analysis", "Review", "Report", "CriticalResult", "Notification"), "study__patient"),
    **dict.fromkeys(("StudyChange", "Withdrawal", "Deletion"), "study__patient"),
    **dict.fromkeys(("Prediction", "EnsemblePrediction", "ImageResult"), "analysis__study__patient"),
    "SecondLook": "report__study__patient",
    "Correction": "target",
    "LegalHold": "patient",
    "MergeProposal": "gone",
    **dict.fromkeys(("EmergencyAccess", "Order"), "patient"),
}


def note_row(row: Model) -> None:
    """Say that `row` is looked at or changed in this request."""
    note_object(row._meta.label_lower, row.pk, patient=patient_of(row))


def note_rows(kind: type[Model], rows: Iterable[Any]) -> None:
    """Say that `rows` stand on a list of `kind`; they may be of another kind. Nothing where those have no patients."""
    if kind.__name__ in PATH:
        note_list(kind._meta.label_lower, _patients_of(list(rows)))


def patient_of(row: Model) -> uuid.UUID | None:
    """Whose the row is; None where it is nobody's."""
    path = PATH.get(type(row).__name__)
    return _key(row, path) if path else None


def _key(row: Model, path: str) -> uuid.UUID:
    if record := _record_of(row):
        return record
    found: uuid.UUID = attrgetter("pk" if path == "pk" else path.replace("__", ".") + "_id")(row)
    return found


def _record_of(row: Model) -> uuid.UUID | None:
    """Of a notice about a confidential record, which has no study."""
    found: uuid.UUID | None = getattr(row, "record_id", None)
    return found


def _patients_of(rows: list[Model]) -> list[uuid.UUID]:
    """Without a query where the rows know; with one for all of a kind where they would have to ask each for itself."""
    found = [_key(row, PATH[type(row).__name__]) for row in rows if _knows(row)]
    asking = [row for row in rows if not _knows(row)]
    for kind in {type(row) for row in asking}:
        keys = [row.pk for row in asking if type(row) is kind]
        found += kind._base_manager.filter(pk__in=keys).values_list(PATH[kind.__name__], flat=True)
    return found


def _knows(row: Model) -> bool:
    """Whether the way to the patient is loaded."""
    if _record_of(row):
        return True
    *steps, _last = PATH[type(row).__name__].split("__")
    here: Any = row
    for step in steps:
        field = here._meta.get_field(step)
        assert isinstance(field, ForeignKey)
        if not field.is_cached(here):
            return False
        here = getattr(here, step)
    return True
