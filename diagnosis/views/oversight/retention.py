"""Patients past their clinic's retention period, and the rule by which they are."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Clinic
from accounts.permissions import Permission, require
from diagnosis.actions.retention import change_rule, request_past
from diagnosis.audited import note_rows
from diagnosis.forms.deletion import RetentionForm
from diagnosis.models import Patient, RetentionRule
from diagnosis.rules import retention
from diagnosis.views.oversight.scope import scope_of, show
from diagnosis.views.shortcuts import in_clinic, person

A_PAGE = 100
TAB = "oversight-deletions"


@never_cache
@require_http_methods(["GET", "POST"])
@in_clinic
def index(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    """The list of one clinic, the one that the person works in; POST asks for what is chosen to be deleted."""
    require(person(request), Permission.MANAGE_CLINIC, clinic)
    if request.method == "POST":
        count = request_past(by=person(request), clinic=clinic, patients=_keys(request.POST.getlist("patient")))
        messages.success(request, _asked(count))
        return redirect("diagnosis:oversight-retention")
    return _page(request, clinic, RetentionForm(instance=RetentionRule.of(clinic)))


@require_POST
@in_clinic
def rule(request: HttpRequest, clinic: Clinic) -> HttpResponse:
    require(person(request), Permission.MANAGE_CLINIC, clinic)
    form = RetentionForm(request.POST, instance=RetentionRule.of(clinic))
    if not form.is_valid():
        return _page(request, clinic, form)
    change_rule(by=person(request), rule=form.instance)
    messages.success(request, _("Saved. Nothing was deleted."))
    return redirect("diagnosis:oversight-retention")


def _page(request: HttpRequest, clinic: Clinic, form: RetentionForm) -> HttpResponse:
    rows = retention.past(clinic, by=person(request))
    shown = rows[:A_PAGE]
    note_rows(Patient, [row.patient for row in shown])
    context = {
        "clinic": clinic,
        "form": form,
        "rows": shown,
        "more": len(rows) - len(shown),
        "has_rule": bool(RetentionRule.of(clinic).years),
        "undated": retention.without_birth_date(clinic),
    }
    heading = _("Past their retention period")
    status = 422 if form.errors else 200
    return show(request, scope_of(request), "retention", heading, context, tab=TAB, status=status)


def _asked(count: int) -> str:
    return ngettext(
        "%(count)d deletion was asked for. Another administrator must confirm it.",
        "%(count)d deletions were asked for. Another administrator must confirm them.",
        count,
    ) % {"count": count}


def _keys(texts: list[str]) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(text) for text in texts]
    except ValueError as error:
        raise Http404("no such patient") from error
