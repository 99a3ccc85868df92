"""Who sees a confidential record: for those who look after it, whether they see it themselves or not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, allowed
from diagnosis.actions.confidentiality import (
    lift_confidentiality,
    mark_confidential,
    name_people,
    remove_named,
)
from diagnosis.errors import Refusal
from diagnosis.forms.confidentiality import PeopleForm
from diagnosis.models import Patient
from diagnosis.models.confidentiality import hides_any, is_confidential
from diagnosis.rules import confidentiality as rules
from diagnosis.views.shortcuts import noted, person


@require_http_methods(["GET", "POST"])
def keep(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Mark the record, name people and remove them, lift the mark; `act` says which."""
    rows = Patient.objects.in_clinics_of(person(request)).select_related("clinic")
    patient = noted(get_object_or_404(rows, pk=pk))
    rules.require_keeper(person(request), patient)
    form = PeopleForm(request.POST if request.method == "POST" else None, patient=patient)
    if request.method != "POST":
        return _page(request, patient, form)
    if request.POST.get("act", "") not in ACTS or not form.is_valid():
        raise Http404
    try:
        ACTS[request.POST["act"]](request, patient, form)
    except Refusal as refusal:
        return _page(request, patient, form, refused=refusal.sentence, status=refusal.http_status)
    return _leave(request, patient)


def _mark(request: HttpRequest, patient: Patient, form: PeopleForm) -> None:
    named = mark_confidential(by=person(request), patient=patient, people=_chosen(form))
    who = ", ".join(one.full_name for one in named)
    messages.success(request, _("The record is confidential now. It is open to: %(people)s.") % {"people": who})


def _add(request: HttpRequest, patient: Patient, form: PeopleForm) -> None:
    name_people(by=person(request), patient=patient, people=_chosen(form))
    messages.success(request, _("The record is open to the people whom you chose."))


def _remove(request: HttpRequest, patient: Patient, form: PeopleForm) -> None:
    try:
        key = uuid.UUID(request.POST.get("person", ""))
    except ValueError as error:
        raise SuspiciousOperation("not the key of a person") from error
    remove_named(by=person(request), patient=patient, person=key)
    messages.success(request, _("The record is not open to that person any more."))


def _lift(request: HttpRequest, patient: Patient, form: PeopleForm) -> None:
    lift_confidentiality(by=person(request), patient=patient)
    messages.success(request, _("The record is open to the whole clinic again."))


ACTS: dict[str, Callable[[HttpRequest, Patient, PeopleForm], None]] = {
    "mark": _mark,
    "add": _add,
    "remove": _remove,
    "lift": _lift,
}


def _chosen(form: PeopleForm) -> list[uuid.UUID]:
    return [one.pk for one in form.cleaned_data["people"]]


def _leave(request: HttpRequest, patient: Patient) -> HttpResponse:
    """Somebody who removed themselves has nothing to see there any more."""
    if rules.may_keep(person(request), patient):
        return redirect("diagnosis:patient-confidential", pk=patient.pk)
    return redirect("diagnosis:home")


def _page(
    request: HttpRequest, patient: Patient, form: PeopleForm, *, refused: str = "", status: int = 200
) -> HttpResponse:
    by, marked = person(request), is_confidential(patient.pk)
    context: dict[str, Any] = {
        # Whoever looks after the record without seeing it reads its number and no name.
        "record": patient,
        "hidden": hides_any(by, [patient.pk]),
        "marked": marked,
        "named": list(rules.named(patient.pk)),
        "at_work": [] if marked else list(rules.at_work(patient)),
        "lacks_reader": rules.lacks_reader(patient),
        "form": form,
        "refused": refused,
        "may_lift": allowed(by, Permission.MANAGE_CLINIC, patient.clinic),
    }
    return render(request, "diagnosis/patient/confidential.html", context, status=status)
