"""Who changed what in a patient's record, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from diagnosis.models import Patient

SHOWN = {
    "medical_record_number": "record number",
    "family_name": "family name",
    "given_name": "given name",
    "birth_date": "birth date",
    "sex": "sex",
}
MOST = 50


@dataclass(frozen=True)
class FieldChange:
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """One saved version of the record, against the one before it."""

    at: datetime
    by: str
    reason: str
    fields: tuple[FieldChange, ...]


def changes(patient: Patient) -> list[Change]:
    """The newest first; at most MOST."""
    versions = list(patient.history.select_related("history_user")[: MOST + 1])
    found = [_change(new, old) for new, old in pairwise([*versions, None])]
    return found[:MOST]


def _change(new: Any, old: Any | None) -> Change:
    by = str(new.history_user) if new.history_user else "the system"
    return Change(new.history_date, by, new.history_change_reason or "changed", _differences(new, old))


def _differences(new: Any, old: Any | None) -> tuple[FieldChange, ...]:
    if old is None:
        return ()
    pairs = ((SHOWN[field], _shown(old, field), _shown(new, field)) for field in SHOWN)
    return tuple(FieldChange(*pair) for pair in pairs if pair[1] != pair[2])


def _shown(version: Any, field: str) -> str:
    value = version.get_sex_display() if field == "sex" else getattr(version, field)
    return str(value) if value else "not recorded"
