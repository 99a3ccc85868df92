"""Studies that nobody could be sure of: the list, one of them beside a record, and a look at an image."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.models import Clinic
from accounts.permissions import Permission, require
from audit.notes import note_list
from diagnosis.audited import note_rows
from diagnosis.errors import FileRefused, IntakeUnavailable
from diagnosis.models import Patient
from diagnosis.scans import intake
from diagnosis.views.shortcuts import find, in_clinic, noted, person, rights
from network import actions, spool, worklist
from network.forms import RejectForm
from network.models import ReceivedInstance, ReceivedStudy, StudyStatus

STUDIES_A_PAGE = 25
PATIENTS_SHOWN = 10
PREVIEWS_SHOWN = 6
PREVIEW_SIDE = 320


@require_safe
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    return _list(request, clinic, StudyStatus.WAITING)


@require_safe
@in_clinic
def rejected(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    return _list(request, clinic, StudyStatus.REJECTED)


def _list(request: HttpRequest, clinic: Clinic, status: StudyStatus) -> HttpResponse:
    require(person(request), Permission.MATCH_STUDY, clinic)
    by = person(request)
    page = Paginator(worklist.studies(clinic, status, by=by), STUDIES_A_PAGE).get_page(request.GET.get("page"))
    note_list(ReceivedStudy._meta.label_lower, [])
    rows = worklist.rows(list(page.object_list), status)
    context = {
        "clinic": clinic,
        "page": page,
        "rows": rows,
        "is_rejected": status == StudyStatus.REJECTED,
        "closed": worklist.count_hidden(clinic, status, by=by),
    }
    return render(request, "network/list.html", context)


def find_study(request: HttpRequest, pk: uuid.UUID) -> ReceivedStudy:
    """For who may decide about it; 404 for other clinics."""
    study = find(ReceivedStudy.objects.select_related("clinic", "entity", "patient", "decided_by"), request, pk)
    require(person(request), Permission.MATCH_STUDY, study.clinic)
    _note_patient(study)
    return study


def _note_patient(study: ReceivedStudy | None) -> None:
    """What is with a patient is a look at that patient's record."""
    if study and study.patient:
        noted(study.patient)


@require_safe
def detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return page_of(request, find_study(request, pk), request.GET.get("patient", ""))


def page_of(
    request: HttpRequest, study: ReceivedStudy, chosen: str = "", *, status: int = 200, **more: Any
) -> HttpResponse:
    """The page of one study; `chosen`: the key of the patient whose record it stands beside."""
    (row,) = worklist.rows([study], StudyStatus(study.status))
    patient = _chosen(request, study, chosen)
    sought, found = ("", []) if patient else _search(request, study)
    context = {
        "study": study,
        "row": row,
        "images": worklist.images(study, PREVIEWS_SHOWN),
        "q": sought,
        "found": found,
        "patient": patient,
        "may": rights(request, study.clinic),
        "reject": RejectForm(),
        **({"compared": _compared(study, patient)} if patient else {}),
        **more,
    }
    return render(request, "network/study.html", context, status=status)


def _chosen(request: HttpRequest, study: ReceivedStudy, key: str) -> Patient | None:
    if not key or study.status != StudyStatus.WAITING:
        return None
    try:
        patient = Patient.objects.visible_to(person(request)).in_clinic(study.clinic).current().get(pk=uuid.UUID(key))
    except (ValueError, Patient.DoesNotExist) as error:
        raise Http404("no such patient") from error
    return noted(patient)


def _search(request: HttpRequest, study: ReceivedStudy) -> tuple[str, list[Patient]]:
    """What the person looks for; before they do, whoever has the file's record number, else its family name."""
    if (typed := request.GET.get("q")) is not None:
        return typed.strip()[:100], _found(request, study, typed.strip()[:100])
    family_name = study.person[0][0] if study.person else ""
    for words in filter(None, (study.record_number, family_name)):
        if found := _found(request, study, words):
            return words, found
    return family_name or study.record_number, []


def _found(request: HttpRequest, study: ReceivedStudy, sought: str) -> list[Patient]:
    patients = Patient.objects.visible_to(person(request)).in_clinic(study.clinic).current()
    found = list(patients.search(sought)[:PATIENTS_SHOWN]) if sought else []
    note_rows(Patient, found)
    return found


@dataclass(frozen=True)
class Compared:
    """One field of file and record side by side."""

    label: str
    in_file: Any
    in_record: Any
    differs: bool


def _compared(study: ReceivedStudy, patient: Patient) -> dict[str, Any]:
    mismatch = actions.differences(study, patient)
    differing = {one.field for one in mismatch.differences}
    fields = [
        Compared(gettext("Name"), study.patient_name, patient.name, "name" in differing),
        Compared(
            gettext("Record number"), study.record_number, patient.medical_record_number, "record number" in differing
        ),
        Compared(gettext("Birth date"), study.birth_date, patient.birth_date, "birth date" in differing),
    ]
    return {"fields": fields, "differs": bool(differing), "comparison": mismatch.comparison}


@require_safe
def preview(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Drawn now, by the contained decoder, and kept nowhere."""
    row = find(ReceivedInstance.objects.select_related("clinic", "study__patient"), request, pk)
    require(person(request), Permission.MATCH_STUDY, row.clinic)
    _note_patient(row.study)
    try:
        with intake.decoding() as decoder:
            drawn = decoder.inspect(spool.read(row.pk), preview_side=PREVIEW_SIDE, owner=str(row.pk)).preview
    except (FileRefused, IntakeUnavailable, FileNotFoundError) as error:
        raise Http404("it cannot be drawn") from error
    response = HttpResponse(drawn, content_type="image/png")
    response.headers["Cache-Control"] = "private, no-store"
    return response
