"""A report is one resource, whose id is its first version's key; what is read and found is the version that holds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT
from rest_framework.request import Request
from rest_framework.reverse import reverse

from diagnosis.api import scope
from diagnosis.errors import ConfidentialRecord, NotAllowedNow
from diagnosis.interchange.fhir import reports
from diagnosis.interchange.fhir.elements import LOINC, SECTION, Resource, relative
from diagnosis.models import Addendum, EnteredInError, Report, ReportTransition
from diagnosis.rules.blinding import READING_HIDDEN
from diagnosis.rules.classifiers import Stops
from diagnosis.rules.confidentiality import closed_by
from diagnosis.rules.corrections import SIGNED_FOR_ANOTHER, signed_for_others
from diagnosis.states import STANDING_ELSEWHERE, ReportStanding, ReportStatus
from fhir import values
from fhir.changes import corrected, latest, newest, ordered, ruled
from fhir.kinds import Include, RowKind, Source
from fhir.resources.orders import based_on, with_orders
from fhir.resources.patients import INCLUDED, OF_PATIENT, of_patient

STATUS_SYSTEM = "http://hl7.org/fhir/diagnostic-report-status"
_S = ReportStanding
_ADDED = Exists(Addendum.objects.filter(report=OuterRef("pk")))
_FINAL = Q(status=ReportStatus.FINAL, entered_in_error=None)
# As Report.standing says it of a row. A version that was replaced is not found.
STANDING: dict[ReportStanding, Q] = {
    _S.PRELIMINARY: Q(status=ReportStatus.PRELIMINARY, handed_over_at=None),
    _S.HANDED_OVER: Q(status=ReportStatus.PRELIMINARY, handed_over_at__isnull=False),
    _S.FINAL: _FINAL & ~Q(_ADDED) & Q(corrects=None),
    _S.CORRECTED: _FINAL & ~Q(_ADDED) & Q(corrects__isnull=False),
    _S.APPENDED: _FINAL & Q(_ADDED),
    _S.ENTERED_IN_ERROR: Q(entered_in_error__isnull=False),
}


def every_version(request: Request) -> QuerySet[Any]:
    """With `hidden`, and `changed` and `issued`: when it was last changed and signed."""
    found = scope.reports(request).select_related("study", "corrects", "review__analysis")
    found = found.prefetch_related("addenda", "review__analysis__predictions")
    signed = (newest(Addendum, "signed_at", report="pk"), newest(EnteredInError, "signed_at", report="pk"))
    moved = (newest(ReportTransition, "at", report="pk"), *corrected("study__patient"))
    beside = (ruled("study__clinic"), ordered("study__clinic", "study__accession_number"))
    return found.annotate(
        hidden=scope.hides_reading(request, "study"),
        issued=latest("signed_at", *signed),
        changed=latest("written_at", "signed_at", *signed, *moved, *beside),
    )


def _rows(request: Request) -> QuerySet[Any]:
    return with_orders(every_version(request).filter(corrected_by=None), "study__orders", request)


def versions(first: uuid.UUID) -> Iterator[uuid.UUID]:
    """The keys of the versions of the report whose first one is `first`."""
    version = Report.objects.filter(pk=first, corrects=None).values_list("pk", flat=True).first()
    while version:
        yield version
        version = Report.objects.filter(corrects=version).values_list("pk", flat=True).first()


def _key(value: str) -> Q:
    found = values.key(value)
    return Q(pk__in=list(versions(found))) if found else values.NOTHING


def _build(request: Request, rows: Sequence[Any]) -> list[Resource]:
    of_clinics = {key: Stops.of(key) for key in {row.study.clinic_id for row in rows}}
    return [_resource(request, row, of_clinics[row.study.clinic_id]) for row in rows]


def _resource(request: Request, row: Report, stops: Stops) -> Resource:
    """The findings are in it: they are nothing by themselves, and have no address."""
    pdf = reverse("api:report-pdf", args=[row.pk], request=request) if row.is_final else ""
    stopped = stops.among(row.study.modality, reports.shown_classifiers(row))
    made = reports.diagnostic_report(
        row, link=relative, pdf=pdf, stops=stopped, based_on=based_on(row.study.orders.all())
    )
    found = [one | {"id": f"finding-{n}"} for n, one in enumerate(reports.findings(row, link=relative), 1)]
    if not found:
        return made
    results = [{"reference": f"#{one['id']}"} for one in found]
    return made | {"contained": found, "result": results}


def _status(value: str) -> Q:
    system, code = values.split_token(value)
    found = values.NOTHING
    for standing, condition in STANDING.items():
        if system in (None, STATUS_SYSTEM) and STANDING_ELSEWHERE[standing].fhir == code:
            found |= condition
    return found


def check(request: Request, rows: Sequence[Report]) -> dict[Any, Exception]:
    """Those that the API refuses too. A page of them takes as many queries as one."""
    withheld = dict.fromkeys(signed_for_others(rows), NotAllowedNow("signed_for_another", SIGNED_FOR_ANOTHER))
    return withheld | {key: ConfidentialRecord(of) for key, of in closed_by(scope.person(request), rows).items()}


def suspects(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those that name another record number than their patient has: no other can be refused."""
    signed = rows.filter(status=ReportStatus.FINAL).annotate(named=KT("snapshot__patient__medical_record_number"))
    return signed.exclude(named=None).exclude(named=F("study__patient__medical_record_number"))


_FIND = {
    "_lastUpdated": values.moment("changed"),
    **of_patient("study__patient"),
    "status": _status,
    "issued": values.moment("issued"),
    "date": values.moment("study__examined_at"),
    "code": values.constant("18748-4", system=LOINC),
    "category": values.constant("RAD", system=SECTION),
    "imaging-study": values.reference("study", "ImagingStudy"),
    "based-on": values.reference("study__orders", "ServiceRequest"),
}
DIAGNOSTIC_REPORT = RowKind(
    "DiagnosticReport",
    [Source(Report, _rows, "written_at", _build, _FIND, _key, READING_HIDDEN, check, suspects)],
    {
        "_id": "token",
        "_lastUpdated": "date",
        **OF_PATIENT,
        "status": "token",
        "issued": "date",
        "date": "date",
        "code": "token",
        "category": "token",
        "imaging-study": "reference",
        "based-on": "reference",
    },
    {
        "DiagnosticReport:patient": INCLUDED,
        "DiagnosticReport:subject": INCLUDED,
        "DiagnosticReport:based-on": Include("ServiceRequest", lambda row: [one.pk for one in row.study.orders.all()]),
        "DiagnosticReport:imaging-study": Include("ImagingStudy", lambda row: [row.study_id]),
    },
)
