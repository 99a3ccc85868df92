"""Analyses that need a person: read why, run them again, cancel them, set them aside; one or many."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from diagnosis.actions.analysis import cancel_analysis, rerun_analysis
from diagnosis.actions.dismissal import bring_back, set_aside
from diagnosis.errors import Refusal
from diagnosis.models import Analysis, Dismissal
from diagnosis.models.analysis import AnalysisQuerySet
from diagnosis.views.oversight.scope import Scope, overseen, show
from diagnosis.views.oversight.tables import TROUBLES, troubled
from diagnosis.views.shortcuts import person

A_PAGE = 50
# One press acts on no more than this; what is left is still on the list.
AT_ONCE = 500
NOTHING = "Nothing was chosen. Tick the analyses first, then press again."

Act = Callable[[HttpRequest, Analysis], object]
ACTS: dict[str, tuple[str, Act]] = {
    "rerun": ("queued again", lambda request, one: rerun_analysis(by=person(request), scan=one.scan)),
    "cancel": ("cancelled", lambda request, one: cancel_analysis(by=person(request), analysis=one)),
    "aside": (
        "set aside",
        lambda request, one: set_aside(by=person(request), analysis=one, reason=request.POST.get("reason", "")),
    ),
    "back": ("brought back", lambda request, one: bring_back(by=person(request), analysis=one)),
}
OFFERED = {
    "failed": (("rerun", "Run again"), ("aside", "Set aside")),
    "late": (("cancel", "Cancel"),),
    "cancelled": (("rerun", "Run again"), ("aside", "Set aside")),
    "aside": (("back", "Bring back"), ("rerun", "Run again")),
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
    return show(request, scope, "jobs", "Analyses that need a person", _context(request, scope, kind))


def _context(request: HttpRequest, scope: Scope, kind: str) -> dict[str, Any]:
    aside = Prefetch("dismissals", Dismissal.objects.standing().select_related("made_by"), to_attr="standing")
    found = troubled(scope, kind).prefetch_related(aside)
    return {
        "kind": kind,
        "kinds": [(key, label, troubled(scope, key).count()) for key, (label, _) in TROUBLES.items()],
        "page": Paginator(found, A_PAGE).get_page(request.GET.get("page")),
        "acts": OFFERED[kind],
        "at_once": AT_ONCE,
    }


def _act(request: HttpRequest, scope: Scope, kind: str) -> None:
    """Act on each by itself, and tell how many went and why the others did not."""
    act = request.POST.get("act", "")
    if act not in dict(OFFERED[kind]):
        raise Http404
    chosen = list(_chosen(request, troubled(scope, kind))[:AT_ONCE])
    if not chosen:
        messages.warning(request, NOTHING)
        return
    done, carry_out = ACTS[act]
    refused: Counter[str] = Counter()
    for one in chosen:
        if sentence := _refusal(lambda one=one: carry_out(request, one)):  # type: ignore[misc]
            refused[sentence] += 1
    _tell(request, len(chosen) - refused.total(), done, refused)


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


def _tell(request: HttpRequest, went: int, done: str, refused: Counter[str]) -> None:
    if went:
        messages.success(request, f"{went} {done}.")
    for sentence, count in refused.most_common():
        messages.warning(request, f"{count} not {done}: {sentence}")
