"""Where results go: the list, one of them, and whether anybody answers there."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Clinic
from accounts.permissions import Permission, require
from accounts.step_up import step_up
from delivery import actions
from delivery.forms import DestinationForm
from delivery.models import Destination, Kind
from delivery.senders import SENDERS
from diagnosis.errors import Refusal
from diagnosis.views.shortcuts import find, in_clinic, person


@require_safe
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    require(person(request), Permission.MANAGE_DELIVERY, clinic)
    rows = Destination.objects.in_clinic(clinic)
    # Only those that this installation can send to.
    kinds = [kind for kind in Kind if kind in SENDERS]
    return render(request, "delivery/destinations.html", {"clinic": clinic, "rows": rows, "kinds": kinds})


@require_http_methods(["GET", "HEAD", "POST"])
@in_clinic
@step_up
def add(request: HttpRequest, clinic: Clinic, kind: str) -> HttpResponse:
    require(person(request), Permission.MANAGE_DELIVERY, clinic)
    if kind not in SENDERS:
        raise Http404("no such kind")
    return _keep(request, clinic, Destination(clinic=clinic, kind=kind))


@require_http_methods(["GET", "HEAD", "POST"])
@step_up
def change(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = _find(request, pk)
    return _keep(request, found.clinic, found)


def _find(request: HttpRequest, pk: uuid.UUID) -> Destination:
    found = find(Destination.objects.select_related("clinic"), request, pk)
    require(person(request), Permission.MANAGE_DELIVERY, found.clinic)
    return found


def _keep(request: HttpRequest, clinic: Clinic, destination: Destination) -> HttpResponse:
    form = DestinationForm(request.POST or None, instance=destination)
    if not form.is_valid():
        context: dict[str, Any] = {"clinic": clinic, "form": form, "kind": Kind(destination.kind).label}
        context["is_new"] = destination._state.adding
        return render(request, "delivery/destination.html", context, status=422 if form.is_bound else 200)
    kept = actions.keep_destination(by=person(request), clinic=clinic, form=form)
    messages.success(request, _("%(name)s is saved.") % {"name": kept.name})
    return redirect("delivery:destinations")


@require_POST
def echo(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = _find(request, pk)
    try:
        actions.test_destination(by=person(request), destination=found)
    except Refusal as refusal:
        messages.warning(
            request, _("%(name)s does not answer: %(reason)s") % {"name": found.name, "reason": refusal.sentence}
        )
    else:
        messages.success(request, _("%(name)s answers.") % {"name": found.name})
    return redirect("delivery:destinations")
