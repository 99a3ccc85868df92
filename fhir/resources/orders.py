"""Orders of examinations as ServiceRequest, for those who follow them on the pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from rest_framework.request import Request

from accounts.models import Clinic
from accounts.permissions import Permission
from diagnosis.api import scope
from diagnosis.interchange.fhir.elements import (
    DCM,
    DICOM_UID,
    IDENTIFIER_TYPE,
    Resource,
    concept,
    instant,
    relative,
    urn,
    without_empty,
)
from diagnosis.models import Patient
from diagnosis.models.study import Priority
from diagnosis.rules.confidentiality import records
from fhir import values
from fhir.changes import latest, newest
from fhir.kinds import Include, RowKind, Source
from fhir.resources.patients import OF_PATIENT, by_number
from orders.models import Order, OrderTransition
from orders.states import FHIR_STATUS, OrderStatus

KIND = "ServiceRequest"
STATUS_SYSTEM = "http://hl7.org/fhir/request-status"
SNOMED = "http://snomed.info/sct"
IMAGING = concept(SNOMED, "363679005", "Imaging")
PRIORITIES = {Priority.ROUTINE: "routine", Priority.URGENT: "urgent"}


def _rows(request: Request) -> QuerySet[Any]:
    changed = latest(
        "created_at",
        "changed_at",
        newest(OrderTransition, "at", order="pk"),
        newest(Patient.history.model, "history_date", id="patient"),
    )
    return _followed(request).select_related("patient__merged_into", "source").annotate(changed=changed)


def _followed(request: Request) -> QuerySet[Order]:
    clinics = Clinic.objects.where(scope.person(request), Permission.FOLLOW_ORDER)
    return scope.visible(Order.objects.filter(clinic__in=clinics), request)


def _build(request: Request, rows: Sequence[Any]) -> list[Resource]:
    return [service_request(row) for row in rows]


def service_request(row: Order) -> Resource:
    """Of whom, what, why and how soon. Where its images and their report are, these say by `basedOn`."""
    return without_empty(
        {
            "resourceType": KIND,
            "id": str(row.pk),
            "identifier": _identifiers(row),
            "status": FHIR_STATUS[OrderStatus(row.status)],
            "intent": "order",
            "category": [IMAGING],
            "priority": PRIORITIES.get(Priority(row.priority)) if row.priority else None,
            "code": _code(row),
            "orderDetail": [concept(DCM, row.modality, row.modality)] if row.modality and _code(row) else [],
            "subject": relative("Patient", row.patient.in_use.pk),
            "occurrenceDateTime": instant(row.scheduled_at) if row.scheduled_at else "",
            "authoredOn": instant(row.requested_at),
            "requester": {"display": row.referring_physician} if row.referring_physician else {},
            "reasonCode": [{"text": row.clinical_question}] if row.clinical_question else [],
        }
    )


def _identifiers(row: Order) -> list[Resource]:
    """The numbers of the ordering system are its own, the accession number is the clinic's."""
    of_source = (row.source.fhir_system or urn(row.source_id)) if row.source else ""
    numbers = [
        ("PLAC", "Placer Identifier", of_source, row.placer_number),
        ("FILL", "Filler Identifier", of_source, row.filler_number),
        ("ACSN", "Accession ID", urn(row.clinic_id), row.accession_number),
    ]
    found = [
        without_empty({"type": concept(IDENTIFIER_TYPE, code, display), "system": system, "value": number})
        for code, display, system, number in numbers
        if number
    ]
    study = {"system": DICOM_UID, "value": f"urn:oid:{row.study_instance_uid}"}
    return [*found, study] if row.study_instance_uid else found


def _code(row: Order) -> Resource:
    """The ordering system's own word, whose system of codes nobody knows."""
    own = [without_empty({"code": row.procedure_code, "display": row.procedure_description})]
    return without_empty({"coding": own if row.procedure_code else [], "text": row.procedure_description})


def with_orders(rows: QuerySet[Any], path: str, request: Request) -> QuerySet[Any]:
    """With the orders that a study answers, as far as the person may open them; `path` leads from the row to them."""
    return rows.prefetch_related(Prefetch(path, _followed(request).order_by("created_at", "pk")))


def based_on(orders: Iterable[Order]) -> list[Resource]:
    return [relative(KIND, one.pk) for one in orders]


def _identifier(value: str) -> Q:
    """One of its numbers, of any system or of the one named; the study's UID with or without its prefix."""
    system, text = values.split_token(value)
    if system == DICOM_UID:
        return Q(study_instance_uid=text.removeprefix("urn:oid:")) if text else values.NOTHING
    placed, accession = Q(placer_number=text) | Q(filler_number=text), Q(accession_number=text)
    if not system:
        return placed | accession
    named = placed & Q(source__fhir_system=system)
    owner = values.key(system.removeprefix("urn:uuid:"))
    return named | placed & Q(source=owner) | accession & Q(clinic=owner) if owner else named


def _status(value: str) -> Q:
    system, code = values.split_token(value)
    states = [state for state, told in FHIR_STATUS.items() if told == code]
    return Q(status__in=states) if states and system in (None, STATUS_SYSTEM) else values.NOTHING


def _of_patient(named: values.Find) -> values.Find:
    """Also of the records that were merged into that one: an order stays with its own, and tells of the one in use."""

    def find(value: str) -> Q:
        people = Patient.objects.filter(named(value)).values_list("pk", flat=True)
        return Q(patient__in=[key for person in people for key in records(person)])

    return find


_NAMED = _of_patient(values.reference("pk", "Patient"))
_FIND = {
    "_lastUpdated": values.moment("changed"),
    "patient": _NAMED,
    "subject": _NAMED,
    "patient.identifier": _of_patient(by_number()),
    "identifier": _identifier,
    "status": _status,
    "authored": values.moment("requested_at"),
    "occurrence": values.moment("scheduled_at"),
}
_OF_ORDER = Include("Patient", lambda row: [row.patient.in_use.pk])
SERVICE_REQUEST = RowKind(
    KIND,
    [Source(Order, _rows, "created_at", _build, _FIND)],
    {
        "_id": "token",
        "_lastUpdated": "date",
        **OF_PATIENT,
        "identifier": "token",
        "status": "token",
        "authored": "date",
        "occurrence": "date",
    },
    {f"{KIND}:patient": _OF_ORDER, f"{KIND}:subject": _OF_ORDER},
)
