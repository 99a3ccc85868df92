"""What waits, what went out and what was refused; and what a person does about it."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Clinic
from accounts.permissions import Permission, require
from delivery import actions
from delivery.models import Delivery, DeliveryAttempt, Destination
from delivery.states import DeliveryStatus
from diagnosis.views.shortcuts import do_and_tell, find, in_clinic, noted, person
from network.views import transfers

# Of each delivery; one that has waited for weeks has hundreds.
TRIES = 10


@require_safe
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    require(person(request), Permission.MANAGE_DELIVERY, clinic)
    shown = Delivery.objects.visible_to(person(request)).in_clinic(clinic)
    if (to := _destination(request, clinic)) is not None:
        shown = shown.filter(destination=to)
    tries = Prefetch("log", DeliveryAttempt.objects.order_by("-at", "-pk")[:TRIES], to_attr="tries")
    rows = shown.select_related("destination", "study__patient").prefetch_related(tries)
    rows = rows.order_by("-queued_at", "-pk")
    context = transfers.listed(request, rows, DeliveryStatus)
    context |= {
        "clinic": clinic,
        "destinations": Destination.objects.in_clinic(clinic),
        "to": to,
        "overdue": Delivery.objects.visible_to(person(request)).in_clinic(clinic).overdue().count(),
    }
    return render(request, "delivery/outbox.html", context)


def _destination(request: HttpRequest, clinic: Clinic) -> Destination | None:
    try:
        return Destination.objects.in_clinic(clinic).filter(pk=uuid.UUID(request.GET.get("destination", ""))).first()
    except ValueError:
        return None


@require_POST
def send_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _act(request, pk, actions.send_again, _("It is on its way."))


@require_POST
def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return _act(request, pk, actions.cancel, _("It will not be sent."))


def _act(request: HttpRequest, pk: uuid.UUID, act: Callable[..., None], done: str) -> HttpResponse:
    row = find(Delivery.objects.select_related("destination__clinic", "study"), request, pk)
    require(person(request), Permission.MANAGE_DELIVERY, row.destination.clinic)
    if row.study:
        noted(row.study)
    do_and_tell(request, lambda: act(by=person(request), delivery=row), done)
    return redirect("delivery:outbox")
