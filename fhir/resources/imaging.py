from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q, QuerySet
from rest_framework.request import Request

from diagnosis.api import scope
from diagnosis.interchange.fhir.elements import DCM, DICOM_UID, Resource, relative
from diagnosis.interchange.fhir.imaging import MODALITIES, imaging_study
from diagnosis.interchange.uids import key_of
from diagnosis.models import Review, Scan, Study, StudyChange, Withdrawal
from fhir import values
from fhir.changes import corrected, latest, newest, ordered
from fhir.kinds import Include, RowKind, Source
from fhir.resources.orders import based_on, with_orders
from fhir.resources.patients import OF_PATIENT, of_patient

STATUS_SYSTEM = "http://hl7.org/fhir/imagingstudy-status"
OID = "urn:oid:"


def _rows(request: Request) -> QuerySet[Any]:
    changed = latest(
        "received_at",
        newest(Scan, "uploaded_at", series__study="pk"),
        newest(StudyChange, "made_at", study="pk"),
        # A prior that somebody sends is none any more, and waits to be read from then on.
        newest(Review, "waiting_since", study="pk"),
        newest(Withdrawal, "made_at", study="pk"),
        newest(Withdrawal, "undone_at", study="pk"),
        *corrected("patient"),
        ordered("clinic", "accession_number"),
    )
    studies = scope.visible(Study.objects.all(), request)
    return with_orders(studies.annotate(changed=changed).prefetch_related("series"), "orders", request)


def _build(request: Request, rows: Sequence[Any]) -> list[Resource]:
    images = Scan.objects.filter(series__study__in=[row.pk for row in rows]).order_by()
    counts = dict(images.values_list("series").annotate(n=Count("pk")))
    return [imaging_study(row, counts, link=relative, based_on=based_on(row.orders.all())) for row in rows]


def _identifier(value: str) -> Q:
    """The study's UID, with or without its system; anything else is an accession number."""
    system, text = values.split_token(value)
    uid = text.removeprefix(OID)
    by_uid = Q(study_instance_uid=uid) | _made_of_key(uid)
    if system == DICOM_UID:
        return by_uid
    accession = Q(accession_number=text)
    if system:
        clinic = values.key(system.removeprefix("urn:uuid:"))
        return accession & Q(clinic=clinic) if clinic else values.NOTHING
    return by_uid | accession


def _made_of_key(uid: str) -> Q:
    """Of a study whose files name none."""
    key = key_of(uid)
    return Q(pk=key, study_instance_uid="") if key else values.NOTHING


_FIND = {
    "_lastUpdated": values.moment("changed"),
    **of_patient("patient"),
    "identifier": _identifier,
    "basedon": values.reference("orders", "ServiceRequest"),
    "started": values.moment("examined_at"),
    "status": values.constant("available", system=STATUS_SYSTEM),
    "modality": values.token(
        "modality", system=DCM, codes={code: str(kind) for kind, (code, _display) in MODALITIES.items()}
    ),
}
_OF_STUDY = Include("Patient", lambda row: [row.patient_id])
IMAGING_STUDY = RowKind(
    "ImagingStudy",
    [Source(Study, _rows, "received_at", _build, _FIND)],
    {
        "_id": "token",
        "_lastUpdated": "date",
        **OF_PATIENT,
        "identifier": "token",
        "basedon": "reference",
        "started": "date",
        "status": "token",
        "modality": "token",
    },
    {
        "ImagingStudy:patient": _OF_STUDY,
        "ImagingStudy:subject": _OF_STUDY,
        "ImagingStudy:basedon": Include("ServiceRequest", lambda row: [one.pk for one in row.orders.all()]),
    },
)
