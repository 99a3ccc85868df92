"""Which images a request may see, and those that an address names by their UIDs."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.http import Http404
from django.utils.translation import gettext_noop
from rest_framework.request import Request

from audit.notes import note_event
from audit.vocabulary import Event
from diagnosis.api.scope import visible
from diagnosis.audited import note_row
from diagnosis.errors import Refusal
from diagnosis.models import Scan, Study
from diagnosis.models.scan import FileFormat, ScanQuerySet
from diagnosis.models.study import StudyQuerySet

STUDY_UID = "series__study__study_instance_uid"
SERIES_UID = "series__series_instance_uid"
ORDER = ("series__number", SERIES_UID, "instance_number", "uploaded_at", "pk")
AMBIGUOUS = gettext_noop(
    "This study UID stands with more than one patient here. Nothing is given out until somebody has corrected that."
)


class Ambiguous(Refusal):
    """One UID leads to images of two people, or of two clinics."""

    http_status = 409


def images(request: Request) -> ScanQuerySet:
    """Those that stand, came as DICOM files and have the UIDs by which they can be addressed."""
    found: ScanQuerySet = visible(Scan.objects.filter(file_format=FileFormat.DICOM), request)
    return found.exclude(sop_instance_uid="").exclude(Q(**{SERIES_UID: ""}) | Q(**{STUDY_UID: ""}))


def studies(request: Request) -> StudyQuerySet:
    """One row for each patient and study UID that has such images, the one that came last.

    An X-ray and a CT that share a study UID are two studies here and one in DICOM.
    """
    shown = images(request).filter(series__study=OuterRef("pk"))
    found: StudyQuerySet = visible(Study.objects.exclude(study_instance_uid=""), request).filter(Exists(shown))
    later = images(request).filter(
        Q(series__study__received_at__gt=OuterRef("received_at"))
        | Q(series__study__received_at=OuterRef("received_at"), series__study__gt=OuterRef("pk")),
        patient=OuterRef("patient"),
        **{STUDY_UID: OuterRef("study_instance_uid")},
    )
    return found.filter(~Exists(later))


def listed(request: Request, scans: Iterable[Scan]) -> dict[UUID, Study]:
    """By the key of each image, the row of `studies` that stands for its study."""
    by_name = {scan.pk: (scan.patient_id, scan.study.study_instance_uid) for scan in scans}
    patients, uids = {patient for patient, _ in by_name.values()}, {uid for _, uid in by_name.values()}
    found = studies(request).filter(patient__in=patients, study_instance_uid__in=uids)
    rows = {(row.patient_id, row.study_instance_uid): row for row in found}
    return {key: rows[name] for key, name in by_name.items() if name in rows}


def at(request: Request, study: str, series: str = "", instance: str = "") -> list[Scan]:
    """The images at an address, in order; each SOP instance once. The audit trail is told of what the address names.

    Raises Http404 and Ambiguous.
    """
    named = {STUDY_UID: study, SERIES_UID: series, "sop_instance_uid": instance}
    found = _found(images(request).filter(**{way: uid for way, uid in named.items() if uid}))
    note_event(Event.INSTANCES_ACCESSED)
    if instance:
        note_row(found[0])
    elif series:
        note_row(found[0].series)
    else:
        for one in {image.study_id: image.study for image in found}.values():
            note_row(one)
    return found


def require_one(rows: ScanQuerySet) -> None:
    """Raises Http404 where there is nothing, and Ambiguous where it is of more than one patient."""
    whose = rows.order_by().values_list("clinic", "patient").distinct()[:2]
    if not whose:
        raise Http404
    if len(whose) > 1:
        raise Ambiguous("ambiguous_study", AMBIGUOUS)


def _found(rows: ScanQuerySet) -> list[Scan]:
    require_one(rows)
    return once(rows.select_related("series__study", "patient", "clinic").order_by(*ORDER))


def once(rows: Iterable[Scan]) -> list[Scan]:
    """The first of those that share a SOP instance UID, as copies of one image in several encodings do."""
    found: dict[tuple[object, ...], Scan] = {}
    for row in rows:
        found.setdefault((row.clinic_id, row.patient_id, row.sop_instance_uid), row)
    return list(found.values())
