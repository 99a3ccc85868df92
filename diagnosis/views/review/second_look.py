"""The worklist of signed reports that contradict their classifiers' result, for a second look by another reader."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import Clinic
from accounts.permissions import Permission, require
from diagnosis.actions.second_look import decide_second_look, give_back_second_look, take_second_look
from diagnosis.audited import note_rows
from diagnosis.errors import NotAllowedNow
from diagnosis.forms.second_look import SecondLookForm
from diagnosis.models import Report, SecondLook
from diagnosis.reviews import second_looks
from diagnosis.views.shortcuts import find, in_clinic, noted, person

A_PAGE = 30
LIST, ONE = "diagnosis:second-looks", "diagnosis:second-look"


@never_cache
@require_safe
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    """Neither direction nor words: who looks again is not to know who said what."""
    by = person(request)
    require(by, Permission.SIGN_REPORT, clinic)
    related = ("report__study__patient", "report__study__representative__patient")
    mine = SecondLook.objects.visible_to(by).filter(reader=by, decided_at=None).select_related(*related)
    due = second_looks.due_to(by).select_related("study__patient", "study__representative__patient")
    shown = due[:A_PAGE]
    note_rows(SecondLook, [*mine, *shown])
    context = {"mine": mine, "due": shown, "count": second_looks.count_due_to(by)}
    return render(request, "diagnosis/review/second_looks.html", context)


@require_POST
def take(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    report = find(Report.objects.select_related("study__clinic"), request, pk)
    try:
        look = take_second_look(by=person(request), report=report)
    except NotAllowedNow as refusal:
        messages.error(request, refusal.sentence)
        return redirect(LIST)
    return redirect(ONE, pk=look.pk)


@never_cache
@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The images and one question; once it is decided, what the report and the second reader say."""
    look = _look(request, pk)
    if look.decided_at:
        return render(request, "diagnosis/review/second_look_done.html", {"look": look, "report": look.report})
    if look.reader != person(request):
        raise PermissionDenied(_("Another reader is taking a second look at this study."))
    form = SecondLookForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return _decided(request, look, form)
    context = {"look": look, "scan": look.report.scan, "patient": look.report.study.patient, "form": form}
    return render(request, "diagnosis/review/second_look.html", context, status=422 if form.errors else 200)


@require_POST
def give_back(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    try:
        give_back_second_look(by=person(request), look=_look(request, pk))
    except NotAllowedNow as refusal:
        messages.error(request, refusal.sentence)
    return redirect(LIST)


def _decided(request: HttpRequest, look: SecondLook, form: SecondLookForm) -> HttpResponse:
    try:
        decide_second_look(by=person(request), look=look, **form.cleaned_data)
    except NotAllowedNow as refusal:
        messages.error(request, refusal.sentence)
    return redirect(ONE, pk=look.pk)


def _look(request: HttpRequest, pk: uuid.UUID) -> SecondLook:
    related = ("report__study__clinic", "report__study__patient", "report__study__representative", "report__review")
    looks = SecondLook.objects.visible_to(person(request)).select_related(*related, "report__image", "reader")
    look = noted(get_object_or_404(looks, pk=pk))
    require(person(request), Permission.REVIEW_SCAN, look.report.study.clinic)
    return look
