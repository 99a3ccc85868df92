"""Register the person whom a received study names, and give the study to them."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, require
from diagnosis.actions.patient import register_compared_patient
from diagnosis.audited import note_rows
from diagnosis.errors import PossibleDuplicates, Refusal
from diagnosis.forms.patient import PatientForm
from diagnosis.models import Patient
from diagnosis.views.shortcuts import noted, person
from network.actions import attach, differences
from network.forms import registration_of
from network.models import ReceivedStudy
from network.views.worklist import find_study


@require_http_methods(["GET", "POST"])
def register(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    study = find_study(request, pk)
    require(person(request), Permission.EDIT_PATIENT, study.clinic)
    form = PatientForm(request.POST or None, initial=registration_of(study.identity))
    context: dict[str, Any] = {"study": study, "form": form}
    compared = _compared(request)
    try:
        patient = form.carry_out(lambda fields: _register(request, study, compared, fields))
    except PossibleDuplicates as found:
        note_rows(Patient, found.patients)
        context |= {"alike": found.patients, "compared": compared | {one.pk for one in found.patients}}
        return render(request, "network/register.html", context, status=found.http_status)
    except Refusal as refusal:
        messages.warning(request, refusal.sentence)
        return redirect("network:received")
    if patient is None:
        return render(request, "network/register.html", context, status=422 if form.is_bound else 200)
    noted(patient)
    messages.success(request, _("%(patient)s is registered, and the study is on its way.") % {"patient": patient})
    return redirect("network:received")


@transaction.atomic
def _register(request: HttpRequest, study: ReceivedStudy, compared: set[uuid.UUID], fields: dict[str, Any]) -> Patient:
    """Both or neither. What the person corrected differs from the file, and they have just seen both."""
    by = person(request)
    patient = register_compared_patient(by=by, clinic=study.clinic, compared=compared, **fields)
    attach(by=by, study=study, patient=patient, compared=differences(study, patient).comparison)
    return patient


def _compared(request: HttpRequest) -> set[uuid.UUID]:
    """The records that were named as possible duplicates, which the person calls somebody else's."""
    try:
        return {uuid.UUID(key) for key in request.POST.getlist("compared")}
    except ValueError as error:
        raise SuspiciousOperation("not the key of a record") from error
