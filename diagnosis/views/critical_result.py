"""Critical results: mark one, say that it arrived, withdraw one, and the administrators' list."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis.actions.critical_result import acknowledge, mark_critical, record_call, withdraw_critical
from diagnosis.audited import note_rows
from diagnosis.errors import Refusal
from diagnosis.forms.critical_result import CallForm, CriticalResultForm, WithdrawalForm
from diagnosis.models import CriticalResult, ReadingPolicy, Study
from diagnosis.models.critical_result import CriticalStatus
from diagnosis.rules import critical_results as rules
from diagnosis.views.oversight.scope import Scope, overseen, show
from diagnosis.views.shortcuts import find, person

A_PAGE = 25
STATES = {
    "open": gettext_lazy("Not acknowledged"),
    "overdue": gettext_lazy("Overdue"),
    "acknowledged": gettext_lazy("Acknowledged"),
    "withdrawn": gettext_lazy("Withdrawn"),
}
RELATED = (*rules.PEOPLE, "clinic", "study__patient")


@never_cache
@require_http_methods(["GET", "POST"])
def mark(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    study = find(Study.objects.select_related("clinic", "patient__clinic"), request, pk)
    require(person(request), Permission.REVIEW_SCAN, study.clinic)
    form = CriticalResultForm(request.POST or None, study=study)
    context = {"study": study, "patient": study.patient, "clinic": study.clinic, "form": form}
    context |= {"minutes": ReadingPolicy.of(study.clinic).critical_minutes, "refusal": None}
    if request.method == "POST" and form.is_valid():
        try:
            made = mark_critical(by=person(request), study=study, **form.cleaned_data)
        except Refusal as refusal:
            return _form(request, context | {"refusal": refusal}, status=refusal.http_status)
        messages.success(request, _("%(to)s: marked as critical.") % {"to": made.to})
        return redirect("diagnosis:study-detail", pk=pk)
    return _form(request, context, status=422 if form.errors else 200)


@require_POST
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """ "I have read this and will act." """
    critical = _find(request, pk)
    return _carry_out(request, critical, _("Acknowledged."), lambda: acknowledge(by=person(request), critical=critical))


@require_POST
def told(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Somebody was told by telephone."""
    critical, form = _find(request, pk), CallForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Write whom you told and when. Nothing was recorded."))
        return redirect("diagnosis:study-detail", pk=critical.study_id)
    return _carry_out(
        request,
        critical,
        _("The telephone call was recorded."),
        lambda: record_call(by=person(request), critical=critical, **form.cleaned_data),
    )


@require_POST
def withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """It was marked by mistake."""
    critical, by = _find(request, pk), person(request)
    form = WithdrawalForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    done = _("The critical result is withdrawn. Whoever was told of it by the portal has been told of this too.")
    return _carry_out(request, critical, done, lambda: withdraw_critical(by=by, critical=critical, reason=reason))


@require_safe
@overseen
def index(request: HttpRequest, scope: Scope) -> HttpResponse:
    """The administrators' list: open, overdue, acknowledged and withdrawn ones."""
    # What is open stands there however old it is.
    in_period = Q(status=CriticalStatus.OPEN) | Q(marked_at__gte=scope.since)
    found = CriticalResult.objects.filter(in_period, clinic__in=scope.named.intersection(scope.keys))
    found = found.without_hidden(person(request))
    state = request.GET.get("state", "")
    now = timezone.now()
    by_state = {
        "open": found.open(),
        "overdue": found.overdue(now),
        "acknowledged": found.filter(status=CriticalStatus.ACKNOWLEDGED),
        "withdrawn": found.filter(status=CriticalStatus.WITHDRAWN),
    }
    chosen = by_state.get(state, found).select_related(*RELATED)
    page = Paginator(chosen, A_PAGE).get_page(request.GET.get("page"))
    note_rows(CriticalResult, page)
    context = {
        "page": page,
        "state": state,
        "states": [(name, label, by_state[name].count()) for name, label in STATES.items()],
    }
    return show(request, scope, "critical", _("Critical results"), context)


def cards(study: Study, user: User) -> list[dict[str, Any]]:
    """Of a study's page: each critical result, with what the person may do about it."""
    return [
        {
            "critical": one,
            "may_acknowledge": rules.may_acknowledge(user, one),
            "may_record_call": rules.may_record_call(user, one),
            "call_form": CallForm(initial={"told_to": one.outsider_name}, auto_id=f"{one.pk.hex[:8]}-%s"),
            "may_withdraw": rules.may_withdraw(user, one),
            "withdrawal_form": WithdrawalForm(auto_id=f"{one.pk.hex[:8]}-%s"),
        }
        for one in rules.of_study(study, visible_to=user)
    ]


def _form(request: HttpRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    return render(request, "diagnosis/study/critical.html", context, status=status)


def _find(request: HttpRequest, pk: uuid.UUID) -> CriticalResult:
    found = find(CriticalResult.objects.select_related(*RELATED), request, pk)
    require(person(request), Permission.VIEW_RESULT, found.clinic)
    return found


def _carry_out(
    request: HttpRequest, critical: CriticalResult, done: str, act: Callable[[], CriticalResult]
) -> HttpResponse:
    try:
        act()
    except Refusal as refusal:
        context = {"critical": critical, "refusal": refusal}
        return render(request, "diagnosis/study/critical_refused.html", context, status=refusal.http_status)
    messages.success(request, done)
    return redirect("diagnosis:study-detail", pk=critical.study_id)
