"""The pages that show numbers, and every table as a download."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from audit.notes import note_event, note_object
from audit.vocabulary import Event
from diagnosis.audited import note_rows
from diagnosis.models import Review, SecondLook
from diagnosis.oversight import agreement, decoder, history, jobs, storage, work
from diagnosis.oversight import reviews as reading
from diagnosis.reviews import second_looks
from diagnosis.views.oversight import charts, tables
from diagnosis.views.oversight.scope import Scope, overseen, show

LONGEST = 25


@require_safe
@overseen
def overview(request: HttpRequest, scope: Scope) -> HttpResponse:
    waiting, total = reading.waiting(scope.reviews()), history.total(scope.monthly())
    context = {
        "failed": jobs.failed(scope.analyses()).count(),
        "late": jobs.late(scope.analyses()).count(),
        "cancelled": jobs.cancelled(scope.analyses()).count(),
        "limit": settings.ANALYSIS_WAIT_WARNING,
        "waiting": waiting,
        "turnaround": reading.turnaround(total.times),
        "overrides": reading.overrides(total.given),
        "queue": work.queue(scope.analyses()),
        "standing": scope.corrections().standing().count(),
        "days": charts.days(jobs.by_day(total.ended, tables.DAYS)),
        "ages": charts.ages(waiting),
    }
    return show(request, scope, "overview", _("Oversight"), context)


@require_safe
@overseen
def readings(request: HttpRequest, scope: Scope) -> HttpResponse:
    waiting, found = reading.waiting(scope.reviews()), scope.monthly()
    total, months = history.total(found), tables.changed(found)
    overrides = reading.overrides(total.given)
    longest = reading.longest_waiting(scope.listed_reviews()).select_related(
        "study__patient", "study__representative__patient", "image__patient", "clinic", "reader"
    )
    shown, now = list(longest[:LONGEST]), timezone.now()
    note_rows(Review, shown)
    context = {
        "waiting": waiting,
        "ages": charts.ages(waiting),
        "turnaround": reading.turnaround(total.times),
        "longest": [(case, now - case.waiting_since) for case in shown],
        "overrides": overrides,
        "reasons": charts.overrides(overrides),
        "months": months,
        "category_changes": charts.category_changes(months),
    }
    return show(request, scope, "reviews", _("Reading"), context, tab="oversight-reading")


@require_safe
@overseen
def agreements(request: HttpRequest, scope: Scope) -> HttpResponse:
    first = request.GET.get("standard") == "first"
    months = history.agreements(scope.monthly(), first_impressions=first)
    looks = SecondLook.objects.filter(report__study__clinic__in=scope.keys, decided_at__gte=scope.since)
    context = {
        "first": first,
        "versions": charts.versions(agreement.overall(months)),
        "looks": second_looks.counts(looks),
    }
    return show(request, scope, "agreement", _("Agreement of classifiers and readers"), context)


@require_safe
@overseen
def works(request: HttpRequest, scope: Scope) -> HttpResponse:
    root = Path(settings.PRIVATE_ROOT)
    measured = storage.measured(root, scope.keys)
    kinds = measured.kinds
    queue = work.queue(scope.analyses())
    found = jobs.by_day(history.total(scope.monthly()).ended, tables.DAYS)
    context = {
        "queue": queue,
        "oldest": timezone.now() - queue.oldest if queue.oldest else None,
        "workers": work.workers(scope.analyses()),
        "days": charts.days(found),
        "found": [day for day in reversed(found) if day.succeeded or day.failed or day.cancelled],
        "kinds": kinds,
        "measured_at": measured.at,
        "bytes": sum(kind.size for kind in kinds),
        "usage": charts.usage(kinds),
        "decoder": decoder.protection(),
        "disk": storage.disk(root) if root.exists() else None,
    }
    return show(request, scope, "work", _("Queue and storage"), context)


@never_cache
@require_safe
@overseen
def download(request: HttpRequest, scope: Scope, name: str) -> HttpResponse:
    """A table as CSV: UTF-8 with a mark, so that spreadsheets read names right."""
    if name not in tables.DOWNLOADS:
        raise Http404
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    note_event(Event.EXPORT)
    note_object("table", name)
    answer.write("\ufeff" + tables.DOWNLOADS[name](scope).csv())
    return answer
