"""The page of a closed record, and the emergency access that it offers."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from audit.notes import note_object
from diagnosis.actions.emergency import end_emergency, open_in_emergency
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.forms.confidentiality import EmergencyForm
from diagnosis.models import EmergencyAccess, Patient
from diagnosis.models.confidentiality import EmergencyKind, hides_any
from diagnosis.rules.confidentiality import may_keep
from diagnosis.views.shortcuts import noted, person


def closed_record(
    request: HttpRequest, pk: uuid.UUID, form: EmergencyForm | None = None, *, status: int = 403
) -> HttpResponse:
    """Says that there is a record and that it is confidential; not whose it is."""
    patient = Patient.objects.select_related("clinic").get(pk=pk)
    note_object("diagnosis.patient", pk, patient=pk)
    context = {
        "record": pk,
        "form": form or EmergencyForm(),
        "keeps": may_keep(person(request), patient),
        "hours": _hours(),
    }
    response = render(request, "diagnosis/patient/closed.html", context, status=status)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _hours() -> str:
    return f"{settings.EMERGENCY_ACCESS.total_seconds() / 3600:g}"


@require_http_methods(["GET", "POST"])
def open_record(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Open a closed record of the person's clinic; whoever comes by a link is shown its page."""
    patient = noted(get_object_or_404(Patient.objects.in_clinics_of(person(request)).select_related("clinic"), pk=pk))
    patient = patient.in_use  # an old number leads to it, and there the images are
    pk = noted(patient).pk
    if not hides_any(person(request), [pk]):
        return redirect("diagnosis:patient-detail", pk=pk)
    form = EmergencyForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return closed_record(request, pk, form, status=422 if form.is_bound else 403)
    try:
        open_in_emergency(
            by=person(request),
            patient=patient,
            kind=EmergencyKind(form.cleaned_data["kind"]),
            reason=form.cleaned_data["reason"],
        )
    except NotAllowedNow:
        pass  # another press of the same button was faster
    except Refusal as refusal:
        form.add_error("reason", refusal.sentence)
        return closed_record(request, pk, form, status=refusal.http_status)
    return redirect("diagnosis:patient-detail", pk=pk)


@require_POST
def end(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The person does not need it any more."""
    access = EmergencyAccess.objects.filter(pk=pk, person=person(request)).first()
    if access is None:
        raise Http404
    noted(access)
    try:
        end_emergency(by=person(request), access=access)
        messages.success(request, _("The emergency access has ended. An administrator will look at it."))
    except NotAllowedNow as refusal:
        messages.info(request, refusal.sentence)
    return redirect("diagnosis:home")
