"""Analyses that need a person, and how analyses ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnosis.models import Analysis, Dismissal
from diagnosis.models.analysis import CLASSIFIERS_OFF, OPEN, AnalysisQuerySet
from diagnosis.states import AnalysisStatus as S


@dataclass(frozen=True)
class Day:
    """How many analyses ended how on one day."""

    day: date
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0

    def __add__(self, other: Day) -> Day:
        """Of the same day in another clinic."""
        return Day(
            self.day, self.succeeded + other.succeeded, self.failed + other.failed, self.cancelled + other.cancelled
        )


def latest(analyses: AnalysisQuerySet) -> AnalysisQuerySet:
    """Those that no newer one of the same study has replaced."""
    return analyses.filter(~Exists(Analysis.objects.newer()))


def failed(analyses: AnalysisQuerySet) -> AnalysisQuerySet:
    """But for those that a clinic switched off itself, about which nobody has to do anything."""
    return _attended(latest(analyses).filter(status=S.FAILED).exclude(failure_code=CLASSIFIERS_OFF))


def cancelled(analyses: AnalysisQuerySet) -> AnalysisQuerySet:
    return _attended(latest(analyses).filter(status=S.CANCELLED))


def late(analyses: AnalysisQuerySet, now: datetime | None = None) -> AnalysisQuerySet:
    """Open for longer than ANALYSIS_WAIT_WARNING."""
    before = (now or timezone.now()) - settings.ANALYSIS_WAIT_WARNING
    return analyses.filter(status__in=OPEN, requested_at__lt=before)


def aside(analyses: AnalysisQuerySet) -> AnalysisQuerySet:
    """Set aside by an administrator."""
    return latest(analyses).filter(Exists(_dismissals()))


def explanation(analysis: Analysis, *, late: bool) -> str:
    """Why an analysis is on an administrator's list, as a sentence; `late` for the list of those open too long."""
    if analysis.status == S.CANCELLED:
        return _("Somebody cancelled it.")
    if not late:
        return analysis.failure_reason
    return _("No worker has started it yet.") if analysis.status == S.QUEUED else _("A worker is running it.")


def by_day(ended: Mapping[date, Day], days: int, today: date | None = None) -> list[Day]:
    """The last `days` days up to `today`, oldest first; days without any are zeros."""
    last = today or timezone.localdate()
    span = [last - timedelta(days=back) for back in reversed(range(days))]
    return [ended.get(day, Day(day)) for day in span]


def ended(analyses: AnalysisQuerySet) -> dict[date, Day]:
    """How those of `analyses` that are finished ended, by day."""
    rows = (
        analyses.filter(finished_at__isnull=False)
        .annotate(day=TruncDate("finished_at"))
        .order_by()
        .values("day")
        .annotate(
            **{status.value: Count("pk", filter=Q(status=status)) for status in (S.SUCCEEDED, S.FAILED, S.CANCELLED)}
        )
    )
    return {row["day"]: Day(**row) for row in rows}


def _attended(analyses: AnalysisQuerySet) -> AnalysisQuerySet:
    return analyses.filter(~Exists(_dismissals()))


def _dismissals() -> QuerySet[Dismissal]:
    return Dismissal.objects.standing().filter(analysis=OuterRef("pk"))
