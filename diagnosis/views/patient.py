from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from diagnosis import keyset
from diagnosis.actions.follow import follows
from diagnosis.actions.patient import amend_patient, register_compared_patient
from diagnosis.audited import note_rows
from diagnosis.errors import PossibleDuplicates
from diagnosis.forms.patient import PatientForm
from diagnosis.forms.upload import UploadForm
from diagnosis.models import Patient, ReadingPolicy, Scan
from diagnosis.models.confidentiality import hides_any, is_confidential
from diagnosis.models.patient import BY_NAME
from diagnosis.patients import history
from diagnosis.patients.prior import previous_studies
from diagnosis.patients.trend import grid, trends
from diagnosis.rules import critical_results
from diagnosis.rules.confidentiality import may_keep
from diagnosis.views import scan_list
from diagnosis.views.shortcuts import find, in_clinic, noted, person, rights, show

PATIENTS_A_PAGE = 25
SCANS_A_PAGE = 20


@require_safe
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    return show(request, "diagnosis/patient/list.html", "diagnosis/patient/_found.html", _search(request, clinic))


@require_safe
@in_clinic
def choose(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    """Whose scans shall be uploaded?"""
    require(person(request), Permission.UPLOAD_SCAN, clinic)
    context = _search(request, clinic) | {"uploading": True}
    return show(request, "diagnosis/patient/choose.html", "diagnosis/patient/_found.html", context)


def _search(request: HttpRequest, clinic: Clinic) -> dict[str, Any]:
    sought = request.GET.get("q", "").strip()[:100]
    patients = Patient.objects.visible_to(person(request)).in_clinic(clinic)
    page = keyset.page_or_first(
        patients.current().search(sought),
        order=BY_NAME,
        size=PATIENTS_A_PAGE,
        mark=request.GET.get("cursor", ""),
        among=patients,
    )
    note_rows(Patient, page)
    closed = _closed(request, clinic, sought)
    return {"clinic": clinic, "may": rights(request, clinic), "page": page, "q": sought, "closed": closed}


def _closed(request: HttpRequest, clinic: Clinic, number: str) -> uuid.UUID | None:
    """The key of a confidential record with exactly this number that is closed to the person, so that nobody registers
    the patient a second time. Whoever knows less than the number is told nothing.
    """
    numbers = {number, number.upper()} - {""}
    same = Patient.objects.in_clinics_of(person(request)).filter(clinic=clinic, medical_record_number__in=numbers)
    keys = list(same.values_list("pk", flat=True))
    return next((key for key in keys if hides_any(person(request), [key])), None)


@require_http_methods(["GET", "POST"])
@in_clinic
def create(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    require(person(request), Permission.EDIT_PATIENT, clinic)
    form = PatientForm(request.POST or None, initial={"medical_record_number": request.GET.get("number", "")})
    compared = _compared(request)
    try:
        patient = form.carry_out(
            lambda fields: register_compared_patient(by=person(request), clinic=clinic, compared=compared, **fields)
        )
    except PossibleDuplicates as found:
        note_rows(Patient, found.patients)
        compared |= {one.pk for one in found.patients}
        return _form(
            request, form, {"clinic": clinic, "alike": found.patients, "compared": compared}, found.http_status
        )
    if patient:
        noted(patient)
        messages.success(request, _("%(patient)s is registered.") % {"patient": patient})
        return redirect("diagnosis:patient-detail", pk=patient.pk)
    closed = _closed(request, clinic, request.POST.get("medical_record_number", "").strip()[:64])
    return _form(request, form, {"clinic": clinic, "closed": closed})


def _compared(request: HttpRequest) -> set[uuid.UUID]:
    """The records that were named as possible duplicates, which the person calls somebody else's."""
    try:
        return {uuid.UUID(key) for key in request.POST.getlist("compared")}
    except ValueError as error:
        raise SuspiciousOperation("not the key of a record") from error


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    patient = find(Patient.objects.select_related("clinic"), request, pk)
    require(person(request), Permission.EDIT_PATIENT, patient.clinic)
    if patient.merged_into_id:
        return redirect("diagnosis:patient-detail", pk=patient.pk)
    form = PatientForm(request.POST or None, initial=PatientForm.values_of(patient))
    before = str(patient)
    if form.carry_out(lambda fields: amend_patient(by=person(request), patient=patient, **fields)):
        messages.success(request, _("The record is changed. Its earlier version stays in the history."))
        return redirect("diagnosis:patient-detail", pk=patient.pk)
    return _form(request, form, {"clinic": patient.clinic, "patient": patient, "before": before})


def _form(request: HttpRequest, form: PatientForm, context: dict[str, Any], refused: int = 422) -> HttpResponse:
    status = refused if form.is_bound else 200
    return render(request, "diagnosis/patient/form.html", {**context, "form": form}, status=status)


@require_safe
def detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    patient = find(Patient.objects.select_related("clinic", "merged_into"), request, pk)
    return render(request, "diagnosis/patient/detail.html", page_of(request, patient))


def page_of(request: HttpRequest, patient: Patient) -> dict[str, Any]:
    """What the patient's page shows."""
    scans = scan_list.for_lists(scan_list.by_date(patient.scans.representatives()))
    page = Paginator(scans, SCANS_A_PAGE).get_page(request.GET.get("page"))
    return {
        "patient": patient,
        "confidential": is_confidential(patient.pk),
        "keeps": may_keep(person(request), patient),
        "clinic": patient.clinic,
        "may": _rights(request, patient),
        "page": page,
        "rows": _timeline(patient, page.object_list, person(request)),
        "changes": history.changes(patient, by=person(request)),
        "trends": trends(patient, person(request)),
        "trend_grid": grid(),
        "upload": UploadForm(),
        "asks_request": ReadingPolicy.of(patient.clinic).asks_request,
        "is_following": follows(person(request), patient),
    }


def _timeline(patient: Patient, scans: Iterable[Scan], user: User) -> list[scan_list.Row]:
    """With what only the timeline says: critical results, and what each examination may be compared with."""
    rows = scan_list.with_headlines(scans, user)
    criticals = critical_results.by_study([row.scan.study_id for row in rows], patient.clinic, visible_to=user)
    before = previous_studies(patient)
    return [
        replace(row, criticals=tuple(criticals.get(row.scan.study_id, ())), previous=before.get(row.scan.pk))
        for row in rows
    ]


def _rights(request: HttpRequest, patient: Patient) -> dict[str, bool]:
    """Nothing is added to a record that was merged into another, nor changed on it."""
    held = rights(request, patient.clinic)
    return dict.fromkeys(held, False) if patient.merged_into_id else held
