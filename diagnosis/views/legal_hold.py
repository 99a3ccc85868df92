"""Legal holds on a patient: set with a reason, lifted with a name."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import Permission, require
from diagnosis.actions.legal_hold import lift_hold, set_hold
from diagnosis.errors import Refusal
from diagnosis.forms.deletion import ReasonForm
from diagnosis.models import LegalHold, Patient
from diagnosis.rules import deletions
from diagnosis.views.shortcuts import find, person, rights


@never_cache
@require_http_methods(["GET", "POST"])
def of_patient(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    patient = find(Patient.objects.select_related("clinic"), request, pk)
    require(person(request), Permission.MANAGE_CLINIC, patient.clinic)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _page(request, patient, form)
    try:
        set_hold(by=person(request), patient=patient, **form.cleaned_data)
    except Refusal as refusal:
        return _page(request, patient, form, refusal=refusal)
    messages.success(request, _("Nothing of this patient can be deleted until the hold is lifted."))
    return redirect("diagnosis:patient-hold", pk=patient.pk)


@require_POST
def lift(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    hold = find(LegalHold.objects.select_related("patient__clinic"), request, pk)
    try:
        lift_hold(by=person(request), hold=hold)
    except Refusal as refusal:
        return _page(request, hold.patient, ReasonForm(), refusal=refusal)
    messages.success(request, _("The legal hold was lifted."))
    return redirect("diagnosis:patient-hold", pk=hold.patient_id)


def _page(request: HttpRequest, patient: Patient, form: ReasonForm, *, refusal: Refusal | None = None) -> HttpResponse:
    standing = list(deletions.holds_on(patient).select_related("made_by", "patient"))
    ended = LegalHold.objects.filter(patient=patient, undone_at__isnull=False).select_related("made_by", "undone_by")
    context = {
        "patient": patient,
        "may": rights(request, patient.clinic),
        "form": form,
        "standing": standing,
        "is_held": any(one.patient_id == patient.pk for one in standing),
        "ended": ended,
        "refusal": refusal,
    }
    status = refusal.http_status if refusal else (422 if form.errors else 200)
    return render(request, "diagnosis/patient/hold.html", context, status=status)
