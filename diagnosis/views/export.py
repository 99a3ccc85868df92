"""Everything about one patient, as a file: for administrators, who have just proved that it is them."""

from __future__ import annotations

import uuid

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, require
from accounts.step_up import has_confirmed, other_ways
from audit.notes import note_detail, note_event
from audit.vocabulary import Action, Event
from diagnosis.errors import Refusal
from diagnosis.exports.patient import export_patient
from diagnosis.forms.export import ProofForm
from diagnosis.models import Patient, Report
from diagnosis.views.shortcuts import find, person
from diagnosis.views.signing import proof_of, proven


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def of_patient(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    patient = find(Patient.objects.select_related("clinic"), request, pk)
    require(person(request), Permission.MANAGE_CLINIC, patient.clinic)
    form = ProofForm(request.POST if request.method == "POST" else None, is_proven=is_proven(request))
    if not form.is_valid():
        return _page(request, patient, form, status=422 if form.is_bound else 200)
    try:
        if not has_confirmed(request):
            proof_of(request, form.cleaned_data["password"])
    except Refusal as refusal:
        form.add_error("password", refusal.sentence)
        return _page(request, patient, form, status=refusal.http_status)
    return _file(request, patient)


def is_proven(request: HttpRequest) -> bool:
    """By the password; or by a code, a passkey or the provider, a few minutes ago."""
    return has_confirmed(request) or proven(request) is not None


def _file(request: HttpRequest, patient: Patient) -> FileResponse:
    def address_of(report: Report) -> str:
        return request.build_absolute_uri(reverse("diagnosis:report-verify", args=[report.verification_code]))

    note_event(Event.EXPORT, Action.READ)
    note_detail(exported="everything about the patient")
    file = export_patient(patient, by=person(request), address_of=address_of)
    return FileResponse(
        file,
        as_attachment=True,
        filename=f"patient-{patient.pk}.zip",  # no name: it stands in histories of downloads
        content_type="application/zip",
        headers={"Cache-Control": "private, no-store"},
    )


def _page(request: HttpRequest, patient: Patient, form: ProofForm, *, status: int = 200) -> HttpResponse:
    context = {
        "patient": patient,
        "form": form,
        "proven": proven(request),
        "confirmed": has_confirmed(request),
        "other_ways": other_ways(request),
    }
    return render(request, "diagnosis/export/patient.html", context, status=status)
