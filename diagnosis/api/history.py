"""A patient's history as one list: studies and changes of the record, newest first."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from rest_framework.request import Request

from accounts.models import User
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import person
from diagnosis.models import Analysis, Patient, Study
from diagnosis.models.study import StudyQuerySet
from diagnosis.patients.history import closed_others, reason_text

FIELDS = ("medical_record_number", "family_name", "given_name", "birth_date", "sex")


@dataclass(frozen=True)
class Change:
    field: str
    before: str
    after: str


@dataclass
class Event:
    kind: str
    at: datetime
    by: str = ""
    study: Study | None = None
    analyses: list[Analysis] | None = None
    reason: str | None = None
    changes: list[Change] | None = None
    study_pk: uuid.UUID | None = field(default=None, repr=False)
    version: int = field(default=0, repr=False)  # of the record

    @property
    def key(self) -> str:
        """Names it within the patient's history."""
        return str(self.study_pk or self.version)


def page_of(patient: Patient, studies: StudyQuerySet, pages: Pages, request: Request) -> list[Event]:
    """One page of `patient`'s history. Only that page's studies are read in full."""
    keys = Study.objects.filter(patient=patient, emptied_of=None).order_by().values_list("received_at", "pk")
    events = [Event("study", at, study_pk=pk) for at, pk in keys] + _changes(patient, person(request))
    events.sort(key=lambda event: (event.at, event.key), reverse=True)
    return _filled(pages.paginate_list(events, request, key=lambda event: event.key), studies)


def _filled(page: list[Event], studies: StudyQuerySet) -> list[Event]:
    read = studies.in_bulk([event.study_pk for event in page if event.study_pk])
    for event in page:
        if event.study_pk:
            event.study = read[event.study_pk]
            event.by = event.study.received_from.full_name
            event.analyses = sorted(event.study.analyses.all(), key=lambda analysis: -analysis.number)
    return page


def _changes(patient: Patient, by: User) -> list[Event]:
    rows: Sequence[Any] = list(patient.history.select_related("history_user").order_by("history_date", "history_id"))
    closed = closed_others(patient, rows, by=by)
    return [_change(row, before, closed) for before, row in pairwise([None, *rows])]


def _change(row: Any, before: Any, closed: Collection[str]) -> Event:
    by = row.history_user.full_name if row.history_user else ""
    changes = _differences(before, row) if before else []
    reason = reason_text(row.history_change_reason, closed)
    return Event("record", row.history_date, by=by, reason=reason, changes=changes, version=row.history_id)


def _differences(before: Any, after: Any) -> list[Change]:
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in FIELDS)
    return [Change(name, _text(old), _text(new)) for name, old, new in pairs if old != new]


def _text(value: Any) -> str:
    return "" if value is None else str(value)
