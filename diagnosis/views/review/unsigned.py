"""The reports that wait for a person's signature: read them, tick them, sign them together."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Clinic, User
from accounts.permissions import Permission
from accounts.reauthentication import Proof
from diagnosis.actions.report import WORDS, sign_report
from diagnosis.audited import note_row, note_rows
from diagnosis.errors import Refusal
from diagnosis.models import Report
from diagnosis.reports.pdf.content import PrintedReport, printed
from diagnosis.rules import policies
from diagnosis.states import ReportStatus
from diagnosis.views.shortcuts import person
from diagnosis.views.signing import proof_of, proven

A_PAGE = 30


@dataclass(frozen=True)
class Line:
    """A report to sign, with its words as they are shown. `tick`: what the box sends when they were read."""

    report: Report
    words: PrintedReport
    blocked_reason: str
    tick: str


@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The person's own reports that wait for a signature, the oldest first."""
    by = person(request)
    page = Paginator(unsigned(by), A_PAGE).get_page(request.GET.get("page"))
    note_rows(Report, page)
    lines = [
        Line(report, printed(report), policies.sign_blocked_reason(report, by=by), _tick(report)) for report in page
    ]
    context = {"page": page, "lines": lines, "proven": proven(request)}
    return render(request, "diagnosis/review/unsigned.html", context)


@never_cache
@sensitive_post_parameters("password")
@require_POST
def sign(request: HttpRequest) -> HttpResponse:
    """Sign every report that was ticked, after one proof. Each stands alone: one that is refused holds up no other."""
    ticked = set(request.POST.getlist("read"))
    if not ticked:
        messages.error(request, gettext("Nothing was ticked. Open a report, read it, then tick it."))
        return redirect("diagnosis:reading-unsigned")
    try:
        proof = proof_of(request, request.POST.get("password", ""))
    except Refusal as refusal:
        messages.error(request, refusal.sentence)
        return redirect("diagnosis:reading-unsigned")
    _tell(request, [_sign(person(request), report, ticked, proof) for report in _named(request, ticked)], len(ticked))
    return redirect("diagnosis:reading-unsigned")


def unsigned(by: User) -> QuerySet[Report]:
    """Their own that wait for their signature; drafts that others sign are not among them."""
    signing = Clinic.objects.where(by, Permission.SIGN_REPORT)
    reports = Report.objects.filter(status=ReportStatus.PRELIMINARY, review__reader=by, study__clinic__in=signing)
    related = ("study__patient", "study__clinic", "study__representative", "image", "review__analysis", "written_by")
    return reports.without_hidden(by).select_related(*related).order_by("written_at")


def _tick(report: Report) -> str:
    """The report's key with a hash of its words: what is signed is what was shown, or nothing."""
    words = json.dumps([getattr(report, name) for name in WORDS], sort_keys=True)
    return f"{report.pk}:{hashlib.sha256(words.encode()).hexdigest()}"


def _named(request: HttpRequest, ticked: set[str]) -> list[Report]:
    keys = {tick.partition(":")[0] for tick in ticked}
    return [report for report in unsigned(person(request)) if str(report.pk) in keys]


def _sign(by: User, report: Report, ticked: set[str], proof: Proof) -> str:
    """Empty where it was signed, else why not."""
    note_row(report)
    if _tick(report) not in ticked:
        return gettext(policies.CHANGED_MEANWHILE)
    try:
        sign_report(by=by, report=report, proof=proof)
    except Refusal as refusal:
        return f"{report.scan.patient}: {refusal.sentence}"
    return ""


def _tell(request: HttpRequest, outcomes: list[str], asked: int) -> None:
    refused = [outcome for outcome in outcomes if outcome]
    done = len(outcomes) - len(refused)
    if done:
        said = ngettext("%(count)d report is signed and final.", "%(count)d reports are signed and final.", done)
        messages.success(request, said % {"count": done})
    for sentence in refused:
        messages.error(request, sentence)
    if gone := asked - len(outcomes):
        said = ngettext(
            "%(count)d report no longer waited for you, so it was not signed here.",
            "%(count)d reports no longer waited for you, so they were not signed here.",
            gone,
        )
        messages.info(request, said % {"count": gone})
