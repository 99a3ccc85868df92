"""A patient's history as one list: scans and changes of the record, newest first."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from rest_framework.request import Request

from diagnosis.api.pagination import Pages
from diagnosis.models import Patient, Scan
from diagnosis.models.scan import ScanQuerySet
from diagnosis.patients.history import reason_text

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
    scan: Scan | None = None
    reason: str | None = None
    changes: list[Change] | None = None
    scan_pk: uuid.UUID | None = field(default=None, repr=False)
    version: int = field(default=0, repr=False)  # of the record

    @property
    def key(self) -> str:
        """Names it within the patient's history."""
        return str(self.scan_pk or self.version)


def page_of(patient: Patient, scans: ScanQuerySet, pages: Pages, request: Request) -> list[Event]:
    """One page of `patient`'s history. Only that page's scans are read in full."""
    keys = scans.representatives().filter(patient=patient).order_by().values_list("uploaded_at", "pk")
    events = [Event("scan", at, scan_pk=pk) for at, pk in keys] + _changes(patient)
    events.sort(key=lambda event: (event.at, event.key), reverse=True)
    return _filled(pages.paginate_list(events, request, key=lambda event: event.key), scans)


def _filled(page: list[Event], scans: ScanQuerySet) -> list[Event]:
    read = scans.in_bulk([event.scan_pk for event in page if event.scan_pk])
    for event in page:
        if event.scan_pk:
            event.scan = read[event.scan_pk]
            event.by = event.scan.uploaded_by.full_name
    return page


def _changes(patient: Patient) -> list[Event]:
    rows: Sequence[Any] = list(patient.history.select_related("history_user").order_by("history_date", "history_id"))
    return [_change(row, before) for before, row in pairwise([None, *rows])]


def _change(row: Any, before: Any) -> Event:
    by = row.history_user.full_name if row.history_user else ""
    changes = _differences(before, row) if before else []
    reason = reason_text(row.history_change_reason)
    return Event("record", row.history_date, by=by, reason=reason, changes=changes, version=row.history_id)


def _differences(before: Any, after: Any) -> list[Change]:
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in FIELDS)
    return [Change(name, _text(old), _text(new)) for name, old, new in pairs if old != new]


def _text(value: Any) -> str:
    return "" if value is None else str(value)
