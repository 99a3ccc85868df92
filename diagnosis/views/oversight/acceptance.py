"""A clinic's own acceptance sets: begun, gathered, closed, and printed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from itertools import count
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.locale import in_time_zone_of
from accounts.models import User
from accounts.step_up import step_up
from audit.notes import note_object
from diagnosis.actions import acceptance as actions
from diagnosis.actions.thresholds import adopt_thresholds, return_to_own_thresholds
from diagnosis.analyses import classifiers
from diagnosis.audited import note_rows
from diagnosis.errors import Refusal
from diagnosis.forms.acceptance import BeginForm, ByHandForm, ThresholdsForm
from diagnosis.models import Acceptance, AcceptanceCase, AcceptanceSet, ReadingPolicy, Report, Study, ThresholdDecision
from diagnosis.models.modality import Modality
from diagnosis.oversight import acceptance
from diagnosis.oversight import acceptance_paper as words
from diagnosis.oversight.acceptance_figures import FEWEST_OF_EACH
from diagnosis.rules import acceptance_seal, blinding, thresholds
from diagnosis.rules.acceptance import unaccepted
from diagnosis.rules.confidentiality import open_reports
from diagnosis.views.oversight.scope import Scope, overseen, show
from diagnosis.views.shortcuts import person

TAB = "oversight-classifiers"
A_PAGE = 100
# What can be offered: all, or those of one kind. The rarer kind would else drown in the other.
KINDS = {"": _lazy("All"), "abnormal": _lazy("Abnormal lung"), "normal": _lazy("Not abnormal")}


@dataclass(frozen=True)
class Offered:
    """An examination that can be added by its signed report. The classifiers' answer is not shown: nobody is to choose
    by it.
    """

    report: Report
    is_abnormal: bool


@dataclass(frozen=True)
class Listed:
    """A case in the set. `is_abnormal` and `reason`, empty where a report tells: as sealed, once the set is closed.

    `fault`: why it cannot be measured now; `is_hidden`: its reading is, and so its label; `is_closed`: its report was
    signed for a patient whose record is closed to whoever looks, and so is its label.
    """

    case: AcceptanceCase
    is_abnormal: bool
    reason: str
    fault: str
    is_hidden: bool
    is_closed: bool


@never_cache
@require_http_methods(["GET", "POST"])
@overseen
def index(request: HttpRequest, scope: Scope) -> HttpResponse:
    """GET: the sets of the clinics that are looked at. POST: begin one."""
    form = BeginForm(request.POST or None) if scope.chosen and scope.chosen.pk in scope.managed else None
    if request.method != "POST":
        return _list(request, scope, form)
    if form is None or scope.chosen is None:
        raise PermissionDenied
    if not form.is_valid():
        return _list(request, scope, form, status=422)
    modality = Modality(form.cleaned_data["modality"])
    try:
        made = actions.begin_acceptance(by=person(request), clinic=scope.chosen, modality=modality)
    except Refusal as refusal:
        form.add_error(None, refusal.sentence)
        return _list(request, scope, form, status=refusal.http_status)
    return redirect("diagnosis:acceptance-set", made.pk)


def _list(request: HttpRequest, scope: Scope, form: BeginForm | None, *, status: int = 200) -> HttpResponse:
    keys = scope.managed.intersection(scope.keys)
    rows = AcceptanceSet.objects.filter(clinic__in=keys).select_related("clinic", "begun_by", "ended_by")
    rows = rows.annotate(
        abnormal=Count("cases", filter=Q(cases__is_abnormal=True)),
        normal=Count("cases", filter=Q(cases__is_abnormal=False)),
    )
    context = {"form": form, "sets": rows, "fewest": FEWEST_OF_EACH}
    return show(request, scope, "acceptance", _("Acceptance at this site"), context, tab=TAB, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
@overseen
def detail(request: HttpRequest, scope: Scope, pk: uuid.UUID) -> HttpResponse:
    """GET: the cases, and the figures once it is closed. POST `act`: add, hand, remove, sweep, drop or close; of one
    that is closed adopt or return, which decide about the thresholds of the clinic.

    `kind` in the address chooses what is offered, see KINDS.
    """
    found = _found(scope, pk)
    if request.method != "POST":
        return _page(request, scope, found)
    if request.POST.get("act") == "close":
        return _close(request, scope, found)
    if request.POST.get("act") in ("adopt", "return"):
        return _decide(request, scope, found)
    by_hand = ByHandForm(request.POST) if request.POST.get("act") == "hand" else None
    if by_hand is not None and not by_hand.is_valid():
        return _page(request, scope, found, by_hand, status=422)
    try:
        _change(request, found, by_hand)
    except Refusal as refusal:
        messages.error(request, refusal.sentence)
        return _page(request, scope, _found(scope, pk), by_hand, status=refusal.http_status)
    return redirect(request.get_full_path())


@step_up
def _close(request: HttpRequest, scope: Scope, found: AcceptanceSet) -> HttpResponse:
    try:
        actions.close_acceptance(by=person(request), of=found)
    except Refusal as refusal:
        messages.error(request, refusal.sentence)
        return _page(request, scope, _found(scope, found.pk), status=refusal.http_status)
    return redirect("diagnosis:acceptance-set", found.pk)


@step_up
def _decide(request: HttpRequest, scope: Scope, found: AcceptanceSet) -> HttpResponse:
    """About the thresholds of the clinic: those of this set, or the ensemble's own."""
    form = ThresholdsForm(request.POST)
    if not form.is_valid():
        return _page(request, scope, found, why=form, status=422)
    note_object("diagnosis.acceptanceset", found.pk)
    by, said = person(request), form.cleaned_data
    try:
        if request.POST.get("act") == "adopt":
            adopt_thresholds(by=by, of=found, **said)
        else:
            return_to_own_thresholds(by=by, clinic=found.clinic, modality=Modality(found.modality), **said)
    except Refusal as refusal:
        messages.error(request, refusal.sentence)
        return _page(request, scope, found, status=refusal.http_status)
    messages.success(request, _("Saved. It holds for new analyses from now on."))
    return redirect("diagnosis:acceptance-set", found.pk)


def _change(request: HttpRequest, found: AcceptanceSet, by_hand: ByHandForm | None) -> None:
    by = person(request)
    if by_hand is not None:
        given = by_hand.cleaned_data
        label = given["label"] == "abnormal"
        actions.add_by_hand(by=by, to=found, study=given["study"], is_abnormal=label, reason=given["reason"])
        return
    match request.POST.get("act"):
        case "add":
            keys = _keys(request, "study")
            if not keys:
                raise Refusal("nothing_ticked", _("Nothing was ticked."))
            added = actions.add_by_report(by=by, to=found, keys=keys)
            said = ngettext("%(count)d case was added.", "%(count)d cases were added.", added)
            messages.success(request, said % {"count": added})
        case "remove":
            for key in _keys(request, "case")[:1]:
                actions.remove_case(by=by, of=found, case=key)
        case "sweep":
            removed = actions.remove_unsound(by=by, of=found)
            said = ngettext("%(count)d case was taken out.", "%(count)d cases were taken out.", removed)
            messages.success(request, said % {"count": removed})
        case "drop":
            actions.drop_acceptance(by=by, of=found)
        case _:
            raise Refusal("unknown_act", _("The page did not say what to do. Load it again."))


def _keys(request: HttpRequest, name: str) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(one) for one in request.POST.getlist(name)]
    except ValueError as error:
        raise Refusal(
            "unknown_key", _("The page named an examination in a way that is not understood. Load it again.")
        ) from error


def _found(scope: Scope, pk: uuid.UUID) -> AcceptanceSet:
    rows = AcceptanceSet.objects.select_related("clinic", "begun_by", "ended_by", "acceptance")
    found = rows.filter(clinic__in=scope.managed, pk=pk).first()
    if found is None:
        raise Http404
    return found


def _page(
    request: HttpRequest,
    scope: Scope,
    found: AcceptanceSet,
    by_hand: ByHandForm | None = None,
    *,
    why: ThresholdsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    by = person(request)
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else ""
    note_object("diagnosis.acceptanceset", found.pk)
    result = _result(found)
    sealed = _sealed(result)
    everything = list(found.cases.select_related("study__patient", "report__study"))
    labels = {one.study_id: (one.is_abnormal, one.reason) for one in everything} if sealed is None else sealed
    said = acceptance.newest(found, (one.study_id for one in everything)) if found.is_open else {}
    faults = acceptance.faults(found, everything, said) if found.is_open else {}
    seen = set(AcceptanceCase.objects.filter(acceptance_set=found).visible_to(by).values_list("pk", flat=True))
    shown = [one for one in everything if one.pk in seen and one.study_id in labels]
    hidden = blinding.readings_hidden_among(by, [one.study_id for one in shown])
    closed = _closed(by, shown)
    offered = _offered(found, scope, kind) if found.is_open else []
    note_rows(Study, [*(one.study for one in shown), *(one.report.study for one in offered)])
    abnormal = sum(is_abnormal for is_abnormal, _reason in labels.values())
    context = {
        "found": found,
        "cases": [
            Listed(one, *labels[one.study_id], str(faults.get(one.pk, "")), one.study_id in hidden, one.pk in closed)
            for one in shown
        ],
        "abnormal": abnormal,
        "normal": len(labels) - abnormal,
        "unseen": len(labels) - len(shown),
        "unsound": len(faults),
        "fewest": FEWEST_OF_EACH,
        "offered": offered,
        "kind": kind,
        "kinds": KINDS,
        "by_hand": by_hand or ByHandForm(),
        "result": result,
        "thresholds": _thresholds(found, result, why) if result else None,
        "installed": _installed(found),
        "asked": ReadingPolicy.of(found.clinic).requires_acceptance,
        "waits": Modality(found.modality) in unaccepted(found.clinic_id),
        "silent": classifiers.why_silent(found.clinic_id, Modality(found.modality)) if found.is_open else (),
    }
    return show(request, scope, "acceptance_set", _("Acceptance at this site"), context, tab=TAB, status=status)


def _sealed(result: dict[str, Any] | None) -> dict[uuid.UUID, tuple[bool, str]] | None:
    """By study, label and reason of the cases of a closed set, none where the seal does not hold; None: it is not
    closed. The rows of its cases can be changed by whoever owns the database.
    """
    if result is None:
        return None
    cases = result["row"].content["cases"] if result["holds"] else []
    return {uuid.UUID(one["study"]): (one["abnormal"], one["reason"]) for one in cases}


def _closed(by: User, cases: list[AcceptanceCase]) -> set[uuid.UUID]:
    """The keys of the cases whose report is closed to `by`, although their study is not."""
    reports = {one.pk: one.report for one in cases if one.report}
    opened = {one.pk for one in open_reports(by, list(reports.values()))}
    return {key for key, report in reports.items() if report.pk not in opened}


def _thresholds(found: AcceptanceSet, result: dict[str, Any], why: ThresholdsForm | None) -> dict[str, Any]:
    """Which thresholds the clinic has put into use, whether this set's could be, and what was decided until now."""
    now = thresholds.standing(found.clinic_id, Modality(found.modality))
    decisions = ThresholdDecision.objects.filter(clinic=found.clinic_id, modality=found.modality)
    is_this = now.acceptance == result["row"]
    return {
        "standing": now,
        "is_this": is_this,
        "objection": None if is_this else thresholds.objection(result["row"]),
        "form": why or ThresholdsForm(initial={"seen": now.number}),
        "history": decisions.select_related("made_by", "acceptance__acceptance_set"),
    }


def _installed(found: AcceptanceSet) -> str:
    """Which version answers now; empty: none. Where it is another one than an open set is about, that gets no more."""
    now = classifiers.abnormality_ensemble(Modality(found.modality))
    return now.identity if now else ""


def _offered(found: AcceptanceSet, scope: Scope, kind: str) -> list[Offered]:
    """The newest, one for each study, and A_PAGE at most."""
    fit = acceptance.studies(found, scope.user)
    reports = acceptance.standing_reports(found).filter(study__in=fit).select_related("study__patient")
    if kind:
        normal = Q(category__in=acceptance.NOT_ABNORMAL)
        reports = reports.filter(normal if kind == "normal" else ~normal)
    newest = reports.order_by("-signed_at", "pk")
    chosen: dict[uuid.UUID, Report] = {}
    for start in count(0, A_PAGE):
        part = list(newest[start : start + A_PAGE])
        for one in acceptance.usable(part, scope.user):
            chosen.setdefault(one.study_id, one)
        if len(part) < A_PAGE or len(chosen) >= A_PAGE:
            break
    return [Offered(one, acceptance.is_abnormal(one)) for one in list(chosen.values())[:A_PAGE]]


def _result(found: AcceptanceSet) -> dict[str, Any] | None:
    """Whether the seal holds, and the frozen figures in words where it does: what was changed may not even be ones."""
    one: Acceptance | None = getattr(found, "acceptance", None)
    if one is None:
        return None
    if not acceptance_seal.holds(one):
        return {"row": one, "holds": False}
    return {
        "row": one,
        "holds": True,
        "facts": words.facts(one.content),
        "measured": words.estimate(one.content),
        "notes": words.notes(one.content),
        "fitted_notes": words.fitted_notes(one.content),
        "cross_fitted": words.cross_fitted(one.content),
    }


@never_cache
@require_GET
@overseen
def paper(request: HttpRequest, scope: Scope, pk: uuid.UUID) -> HttpResponse:
    """What was accepted, as a PDF; it names no patient."""
    one: Acceptance | None = getattr(_found(scope, pk), "acceptance", None)
    if one is None:
        raise Http404
    note_object("diagnosis.acceptanceset", pk)
    url = request.build_absolute_uri(reverse("diagnosis:acceptance-set", args=[pk]))
    with in_time_zone_of(one.acceptance_set.clinic):
        data = words.render(one, url=url, holds=acceptance_seal.holds(one))
    named = {"Content-Disposition": f'inline; filename="acceptance-{one.content_sha256[:12]}.pdf"'}
    return HttpResponse(data, content_type="application/pdf", headers=named)
