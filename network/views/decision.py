"""What a person decides about a received study."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from diagnosis.errors import IdentityMismatch, Refusal
from diagnosis.models import Patient
from diagnosis.views.shortcuts import do_and_tell, noted, person
from network.actions import attach, bring_back, reject
from network.forms import RejectForm
from network.views.worklist import find_study, page_of


@require_POST
def attach_to(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    study = find_study(request, pk)
    key = request.POST.get("patient", "")
    try:
        patient = noted(Patient.objects.visible_to(person(request)).in_clinic(study.clinic).get(pk=uuid.UUID(key)))
    except (ValueError, Patient.DoesNotExist) as error:
        raise Http404("no such patient") from error
    try:
        attach(by=person(request), study=study, patient=patient, compared=request.POST.get("comparison", ""))
    except IdentityMismatch as mismatch:
        messages.warning(request, _("The record was changed meanwhile. Compare once more."))
        return page_of(request, study, key, status=mismatch.http_status)
    except Refusal as refusal:
        messages.warning(request, refusal.sentence)
        return redirect("network:received")
    messages.success(request, _("The study is on its way to %(patient)s.") % {"patient": patient})
    return redirect("network:received")


@require_POST
def turn_away(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    study = find_study(request, pk)
    form = RejectForm(request.POST)
    if not form.is_valid():
        return page_of(request, study, status=422, reject=form)
    done = _("The study is rejected. It can be put back on the list.")
    do_and_tell(request, lambda: reject(by=person(request), study=study, **form.cleaned_data), done)
    return redirect("network:received")


@require_POST
def undo(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    study = find_study(request, pk)
    done = _("The study waits on the list again.")
    do_and_tell(request, lambda: bring_back(by=person(request), study=study), done)
    return redirect("network:received-study", pk=study.pk)
