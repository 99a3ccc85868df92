"""Analyses that need a person: read why, run them again, cancel them, set them aside; one or many."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from diagnosis import keyset
from diagnosis.actions.analysis import cancel_analysis, rerun_analysis
from diagnosis.actions.dismissal import bring_back, set_aside
from diagnosis.audited import note_rows
from diagnosis.errors import Refusal
from diagnosis.models import Analysis, Dismissal
from diagnosis.models.analysis import AnalysisQuerySet
from diagnosis.oversight.jobs import explanation
from diagnosis.views.oversight.scope import Scope, overseen, show
from diagnosis.views.oversight.tables import TROUBLES, TROUBLES_NEWEST_FIRST, troubled
from diagnosis.views.shortcuts import person

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

A_PAGE = 50
# One press acts on no more than this; what is left is still on the list.
AT_ONCE = 500
NOTHING_CHOSEN = _("Nothing was selected. Tick the analyses first, then try again.")


@dataclass(frozen=True)
class Act:
    """Something to do with analyses. The sentences are about `n` of them; `not_done` ends with the reason."""

    label: StrOrPromise
    carry_out: Callable[[HttpRequest, Analysis], object]
    done: StrOrPromise
    not_done: StrOrPromise


ACTS = {
    "rerun": Act(
        _("Run again"),
        lambda request, one: rerun_analysis(by=person(request), study=one.study),
        ngettext_lazy("%(n)d analysis queued again.", "%(n)d analyses queued again.", "n"),
        ngettext_lazy(
            "%(n)d analysis not queued again: %(reason)s", "%(n)d analyses not queued again: %(reason)s", "n"
        ),
    ),
    "cancel": Act(
        _("Cancel"),
        lambda request, one: cancel_analysis(by=person(request), analysis=one),
        ngettext_lazy("%(n)d analysis cancelled.", "%(n)d analyses cancelled.", "n"),
        ngettext_lazy("%(n)d analysis not cancelled: %(reason)s", "%(n)d analyses not cancelled: %(reason)s", "n"),
    ),
    "aside": Act(
        _("Set aside"),
        lambda request, one: set_aside(by=person(request), analysis=one, reason=request.POST.get("reason", "")),
        ngettext_lazy("%(n)d analysis set aside.", "%(n)d analyses set aside.", "n"),
        ngettext_lazy("%(n)d analysis not set aside: %(reason)s", "%(n)d analyses not set aside: %(reason)s", "n"),
    ),
    "back": Act(
        _("Bring back"),
        lambda request, one: bring_back(by=person(request), analysis=one),
        ngettext_lazy("%(n)d analysis brought back.", "%(n)d analyses brought back.", "n"),
        ngettext_lazy(
            "%(n)d analysis not brought back: %(reason)s", "%(n)d analyses not brought back: %(reason)s", "n"
        ),
    ),
}
OFFERED = {
    "failed": ("rerun", "aside"),
    "late": ("cancel",),
    "cancelled": ("rerun", "aside"),
    "aside": ("back", "rerun"),
}
NOTHING_LISTED = {
    "failed": _("None. No failed analysis needs your attention."),
    "late": _("None. No analysis has been open for too long."),
    "cancelled": _("None. No cancelled analysis needs your attention."),
    "aside": _("None. Nothing has been set aside."),
}


@require_http_methods(["GET", "POST"])
@overseen
def index(request: HttpRequest, scope: Scope) -> HttpResponse:
    kind = request.GET.get("kind", "failed")
    if kind not in TROUBLES:
        raise Http404
    if request.method == "POST":
        _act(request, scope, kind)
        return redirect(f"{reverse('diagnosis:oversight-jobs')}?{scope.query}&{urlencode({'kind': kind})}")
    return show(request, scope, "jobs", gettext("Analyses that need attention"), _context(request, scope, kind))


def _context(request: HttpRequest, scope: Scope, kind: str) -> dict[str, Any]:
    aside = Prefetch("dismissals", Dismissal.objects.standing().select_related("made_by"), to_attr="standing")
    page = keyset.page_or_first(
        troubled(scope, kind).prefetch_related(aside),
        order=TROUBLES_NEWEST_FIRST,
        size=A_PAGE,
        mark=request.GET.get("cursor", ""),
        among=scope.analyses(),
        # PostgreSQL joins a whole clinic first where more tables are shown than it puts into the best order (eight).
        keys_first=True,
    )
    note_rows(Analysis, page)
    # Counted as far as one press reaches: to count thousands takes longer than to show the page.
    counts = {key: keyset.count(troubled(scope, key), most=AT_ONCE) for key in TROUBLES}
    return {
        "kind": kind,
        "kinds": [(key, label, counts[key]) for key, (label, _listed) in TROUBLES.items()],
        "total": counts[kind],
        "page": page,
        "lines": [(one, explanation(one, late=kind == "late")) for one in page],
        "nothing_listed": NOTHING_LISTED[kind],
        "acts": [(name, ACTS[name].label) for name in OFFERED[kind]],
        "at_once": AT_ONCE,
    }


def _act(request: HttpRequest, scope: Scope, kind: str) -> None:
    """Act on each by itself, and tell how many went and why the others did not."""
    name = request.POST.get("act", "")
    if name not in OFFERED[kind]:
        raise Http404
    act = ACTS[name]
    chosen = list(_chosen(request, troubled(scope, kind))[:AT_ONCE])
    note_rows(Analysis, chosen)
    if not chosen:
        messages.warning(request, str(NOTHING_CHOSEN))
        return
    refused: Counter[str] = Counter()
    for one in chosen:
        if sentence := _refusal(lambda one=one: act.carry_out(request, one)):  # type: ignore[misc]
            refused[sentence] += 1
    _report(request, act, len(chosen) - refused.total(), refused)


def _refusal(carry_out: Callable[[], object]) -> str:
    try:
        carry_out()
    except Refusal as refusal:
        return refusal.sentence
    except PermissionDenied as denied:
        return str(denied)
    return ""


def _chosen(request: HttpRequest, listed: AnalysisQuerySet) -> AnalysisQuerySet:
    """Those ticked that are on the list, or all of it; nothing that is not on it."""
    return listed if request.POST.get("all") else listed.filter(pk__in=_keys(request.POST.getlist("chosen")))


def _keys(texts: list[str]) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(text) for text in texts[:AT_ONCE]]
    except ValueError as error:
        raise Http404 from error


def _report(request: HttpRequest, act: Act, done: int, refused: Counter[str]) -> None:
    if done:
        messages.success(request, act.done % {"n": done})
    for sentence, count in refused.most_common():
        messages.warning(request, act.not_done % {"n": count, "reason": sentence})
