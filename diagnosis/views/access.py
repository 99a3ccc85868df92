"""Who looked at a patient, for administrators and as a sheet for the patient; and what was unusual about looking."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.permissions import Permission, require
from audit.notes import note_event
from audit.vocabulary import Event
from diagnosis.audited import note_rows
from diagnosis.models import Patient
from diagnosis.oversight import access
from diagnosis.views.oversight.scope import Scope, overseen, show
from diagnosis.views.shortcuts import find, person, rights

PERIODS = {
    "30": gettext_lazy("last 30 days"),
    "90": gettext_lazy("last 90 days"),
    "365": gettext_lazy("last 12 months"),
}
USUAL = "90"
DAYS = 30
KINDS = {
    "own": gettext_lazy("A patient with the person’s own name"),
    "many": gettext_lazy("Many patients within an hour"),
    "neighbours": gettext_lazy("Several patients of one family name within an hour"),
}


@never_cache
@require_safe
def of_patient(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Who looked at this patient; `?days=` of PERIODS. Printed, it is the sheet that the patient may have."""
    patient = find(Patient.objects.select_related("clinic"), request, pk)
    require(person(request), Permission.MANAGE_CLINIC, patient.clinic)
    note_event(Event.TRAIL_USED)
    asked = request.GET.get("days", USUAL)
    days = asked if asked in PERIODS else USUAL
    context = {
        "patient": patient,
        "clinic": patient.clinic,
        "may": rights(request, patient.clinic),
        "visits": access.visits(patient, access.since(int(days))),
        "days": days,
        "periods": PERIODS,
        "since": access.since(int(days)),
        "now": timezone.now(),
    }
    return render(request, "diagnosis/access/patient.html", context)


@never_cache
@require_safe
@overseen
def unusual(request: HttpRequest, scope: Scope) -> HttpResponse:
    found = access.unusual(scope.named.intersection(scope.keys), access.since(DAYS), by=scope.user)
    note_rows(Patient, [patient for one in found for patient in one.patients])
    note_event(Event.TRAIL_USED)
    context = {"rows": [(one, KINDS[one.kind]) for one in found], "days": DAYS, "many": access.MANY_IN_AN_HOUR}
    return show(request, scope, "access", _("Unusual looking"), context, tab="oversight-access")
