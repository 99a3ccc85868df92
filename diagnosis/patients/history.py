"""Who changed what in a patient's record, and when."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from diagnosis.models import Patient
from diagnosis.models.confidentiality import closed_numbers

SHOWN = {
    "medical_record_number": _("record number"),
    "family_name": _("family name"),
    "given_name": _("given name"),
    "birth_date": _("birth date"),
    "sex": _("sex"),
}
MOST = 50
# Why a version was saved, where not a person said it: kept as code, count and record number.
_REASONS = {
    "moved_away": ngettext_lazy(
        "%(count)d scan moved to record %(record)s", "%(count)d scans moved to record %(record)s", "count"
    ),
    "moved_here": ngettext_lazy(
        "%(count)d scan moved here from record %(record)s",
        "%(count)d scans moved here from record %(record)s",
        "count",
    ),
    "merged_away": _("merged into record %(record)s"),
    "merged_here": _("record %(record)s merged into this one"),
    "undone": _("correction with record %(record)s undone"),
    "registered": _("registered"),
    "amended": _("amended"),
}


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


def changes(patient: Patient, *, by: User | None) -> list[Change]:
    """The newest first; at most MOST. `by`: who reads them, where that is known."""
    versions = list(patient.history.select_related("history_user")[: MOST + 1])
    closed = closed_others(patient, versions, by=by)
    found = [_change(new, old, closed) for new, old in pairwise([*versions, None])]
    return found[:MOST]


def reason_code(code: str, record: str, count: int = 0) -> str:
    """A reason as it is stored; `reason_text` reads it again. Short: its column holds 100 characters, `record` 64."""
    return f"{code}|{count}|{record}"


def reason_text(stored: str | None, closed: Collection[str] = ()) -> str:
    """Why a version of a record was saved, in the active language; words of a person or of older rows as they are.

    The numbers in `closed` are not said.
    """
    code, count, record = _parts(stored)
    if code not in _REASONS or not (count or "0").isdigit():
        return stored or ""
    shown = gettext("(confidential)") if record in closed else record
    return str(_REASONS[code] % {"count": int(count or 0), "record": shown})


def closed_others(patient: Patient, versions: Iterable[Any], *, by: User | None) -> frozenset[str]:
    """The numbers of other records that reasons of `versions` hold, and that are hidden from `by`."""
    numbers = {_parts(one.history_change_reason)[2] for one in versions} - {""}
    return closed_numbers(by, numbers, patient.clinic) if numbers else frozenset()


def _parts(stored: str | None) -> tuple[str, str, str]:
    """Code, count and record number."""
    code, _bar, rest = (stored or "").partition("|")
    count, _bar, record = rest.partition("|")
    return code, count, record


def _change(new: Any, old: Any | None, closed: Collection[str]) -> Change:
    by = str(new.history_user) if new.history_user else gettext("the system")
    reason = reason_text(new.history_change_reason, closed) or gettext("changed")
    return Change(new.history_date, by, reason, _differences(new, old))


def _differences(new: Any, old: Any | None) -> tuple[FieldChange, ...]:
    if old is None:
        return ()
    pairs = ((str(SHOWN[field]), _shown(old, field), _shown(new, field)) for field in SHOWN)
    return tuple(FieldChange(*pair) for pair in pairs if pair[1] != pair[2])


def _shown(version: Any, field: str) -> str:
    value = version.get_sex_display() if field == "sex" else getattr(version, field)
    return str(value) if value else gettext("not recorded")
