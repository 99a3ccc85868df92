"""What archives were asked for: which study made it wanted, where it stands, and what the archive said."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Clinic
from accounts.permissions import Permission, require
from diagnosis.views.shortcuts import do_and_tell, find, in_clinic, noted, person
from network import actions
from network.models import PriorRetrieval, RemoteEntity
from network.states import RetrievalStatus
from network.views import transfers


@require_safe
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    require(person(request), Permission.MANAGE_DELIVERY, clinic)
    shown = PriorRetrieval.objects.visible_to(person(request)).in_clinic(clinic)
    rows = shown.select_related("entity", "study__patient").order_by("-wanted_at", "-pk")
    context = transfers.listed(request, rows, RetrievalStatus)
    context |= {"clinic": clinic, "archives": RemoteEntity.objects.sources().in_clinic(clinic)}
    return render(request, "network/priors.html", context)


@require_POST
def ask_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    row = find(PriorRetrieval.objects.select_related("entity__clinic", "study"), request, pk)
    require(person(request), Permission.MANAGE_DELIVERY, row.entity.clinic)
    if row.study:
        noted(row.study)
    done = _("%(archive)s is asked once more.") % {"archive": row.entity.title}
    do_and_tell(request, lambda: actions.ask_again(by=person(request), retrieval=row), done)
    return redirect("network:priors")
