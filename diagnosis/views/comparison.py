"""Any two scans of a patient, side by side."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.permissions import Permission, require
from diagnosis.models import Patient, Scan
from diagnosis.views import scan_list
from diagnosis.views.shortcuts import find, person, rights

SIDES = 2


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """`?scan=KEY&scan=KEY`: the first on the left. Another number of scans leads back with a sentence."""
    patient = find(Patient.objects.select_related("clinic"), request, pk)
    require(person(request), Permission.VIEW_PATIENT, patient.clinic)
    scans = _chosen(request, patient)
    if len(scans) != SIDES:
        messages.error(request, _("Choose two scans to compare."))
        return redirect("diagnosis:patient-detail", pk=patient.pk)
    left, right = scan_list.with_headlines(scans, person(request))
    context = {
        "patient": patient,
        "may": rights(request, patient.clinic),
        "rows": (left, right),
        "left": left.scan,
        "right": right.scan,
    }
    return render(request, "diagnosis/patient/compare.html", context)


def _chosen(request: HttpRequest, patient: Patient) -> list[Scan]:
    """The named scans of this patient in the order of the address; a key of anything else names none."""
    try:
        keys = [uuid.UUID(text) for text in request.GET.getlist("scan")]
    except ValueError as error:
        raise Http404("no such scan") from error
    found = scan_list.for_lists(patient.scans.all()).in_bulk(keys)
    return [found[key] for key in keys if key in found]
