"""Who looked at the patients of a clinic, for its administrators alone. Reading the trail is an entry in it too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db.models import F, Model, Q, QuerySet
from rest_framework.request import Request

from accounts.models import Clinic
from accounts.permissions import Permission
from audit import fhir as mapping
from audit.models import AuditEvent
from audit.notes import note_event, note_list, note_object
from audit.vocabulary import Event
from diagnosis.api import scope
from diagnosis.interchange.fhir.elements import Resource
from diagnosis.models import Patient
from fhir import values
from fhir.kinds import RowKind, Source

KIND = "audit.auditevent"


def _rows(request: Request) -> QuerySet[Any]:
    """Those that name one patient, whom the person may see in a clinic that they administer."""
    clinics = Clinic.objects.where(scope.person(request), Permission.MANAGE_CLINIC)
    patients = scope.visible(Patient.objects.filter(clinic__in=clinics), request)
    # Those that name others beside may name one who is closed to the person.
    found = AuditEvent.objects.filter(patients="", patient__in=patients.order_by().values("pk"))
    return found.annotate(changed=F("at"))


def _build(request: Request, rows: Sequence[Any]) -> list[Resource]:
    return [mapping.resource(row, site=settings.PUBLIC_URL) for row in rows]


def _key(value: str) -> Q:
    chain, _dot, position = value.partition(".")
    found = values.key(chain)
    is_number = position.isascii() and position.isdigit() and len(position) < 19
    return Q(chain=found, position=int(position)) if found and is_number else values.NOTHING


def _note_row(row: AuditEvent) -> None:
    note_event(Event.TRAIL_USED)
    note_object(KIND, row.pk, patient=row.patient)


def _note_rows(kind: type[Model], rows: Iterable[Any]) -> None:
    note_event(Event.TRAIL_USED)
    note_list(KIND, [row.patient for row in rows])


_FIND = {
    "_lastUpdated": values.moment("at"),
    "date": values.moment("at"),
    "patient": values.reference("patient", "Patient"),
    "agent": values.reference("person", "Practitioner"),
    "type": values.token("event", system=mapping.DCM),
    "action": values.token("action", system="http://hl7.org/fhir/audit-event-action"),
    "outcome": values.token("outcome", system="http://hl7.org/fhir/audit-event-outcome"),
}
AUDIT_EVENT = RowKind(
    "AuditEvent",
    [Source(AuditEvent, _rows, "at", _build, _FIND, _key, note_row=_note_row, note_rows=_note_rows)],
    {
        "_id": "token",
        "_lastUpdated": "date",
        "date": "date",
        "patient": "reference",
        "agent": "reference",
        "type": "token",
        "action": "token",
        "outcome": "token",
    },
)
