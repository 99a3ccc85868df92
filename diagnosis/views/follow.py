"""Follow a patient or an examination, and say who ordered it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.permissions import Permission, allowed, require
from diagnosis.actions import follow as actions
from diagnosis.models import Patient, Study
from diagnosis.rules.critical_results import addressees
from diagnosis.views.shortcuts import find, person


@require_POST
def patient(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    _change(request, find(Patient.objects.select_related("clinic"), request, pk))
    return redirect("diagnosis:patient-detail", pk=pk)


@require_POST
def study(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    _change(request, find(Study.objects.select_related("clinic"), request, pk))
    return redirect("diagnosis:study-detail", pk=pk)


@require_POST
def ordered_by(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = find(Study.objects.select_related("clinic"), request, pk)
    require(person(request), Permission.UPLOAD_SCAN, found.clinic)
    asked = request.POST.get("orderer", "")
    orderer = get_object_or_404(addressees(found), pk=_key(asked)) if asked else None
    actions.name_orderer(by=person(request), study=found, orderer=orderer)
    messages.success(request, _("Saved."))
    return redirect("diagnosis:study-detail", pk=pk)


def who_hears(found: Study, user: User) -> dict[str, Any]:
    """For the study's page: whether the person follows it, and who ordered it."""
    may_name = allowed(user, Permission.UPLOAD_SCAN, found.clinic)
    return {
        "is_following": actions.follows(user, found),
        "orderers": addressees(found) if may_name else (),
    }


def _change(request: HttpRequest, of: Patient | Study) -> None:
    if request.POST.get("follow") == "off":
        actions.unfollow(by=person(request), of=of)
        messages.success(request, _("You no longer follow this."))
    else:
        actions.follow(by=person(request), of=of)
        messages.success(request, _("You will get a notice when a report is signed."))


def _key(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)
