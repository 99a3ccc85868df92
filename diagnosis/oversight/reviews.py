"""What waits to be read, how long reading takes, what readers override and whether they change their category."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median, quantiles

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncMonth
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnosis.models import Review
from diagnosis.models.review import Decision, OverrideReason, ReviewQuerySet
from diagnosis.proportion import Proportion
from diagnosis.reviews.category_changes import CategoryChanges, category_changes
from diagnosis.states import ReviewStatus

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Words and the age up to which a case belongs there; the last has no end.
AGES = (
    (_("under 1 hour"), HOUR),
    (_("1 to 4 hours"), 4 * HOUR),
    (_("4 to 12 hours"), 12 * HOUR),
    (_("12 to 24 hours"), DAY),
    (_("1 to 3 days"), 3 * DAY),
    (_("over 3 days"), timedelta.max),
)
# A month's times are taken from at most so many readings, the newest.
MOST_TIMES = 10_000


@dataclass(frozen=True)
class Waiting:
    """Open cases by how long they have waited; `ages` in the order of AGES."""

    ages: tuple[tuple[str, int], ...]
    longest: timedelta | None

    @property
    def total(self) -> int:
        return sum(count for _, count in self.ages)


@dataclass(frozen=True)
class Turnaround:
    """From entering the queue to the decision; None without any reading."""

    readings: int
    half: timedelta | None
    nine_tenths: timedelta | None


@dataclass(frozen=True)
class Overrides:
    """Overridden results among readings that had one."""

    reasons: tuple[tuple[str, int], ...]
    share: Proportion


@dataclass(frozen=True)
class MonthlyCategoryChanges:
    month: datetime
    category_changes: CategoryChanges


def waiting(reviews: ReviewQuerySet, now: datetime | None = None) -> Waiting:
    at = now or timezone.now()
    waits = sorted(at - since for since in reviews.open().values_list("waiting_since", flat=True))
    counts, below = [], timedelta.min
    for word, age in AGES:
        counts.append((str(word), sum(below <= wait < age for wait in waits)))
        below = age
    return Waiting(tuple(counts), waits[-1] if waits else None)


def longest_waiting(reviews: ReviewQuerySet) -> ReviewQuerySet:
    return reviews.open().order_by("waiting_since", "id")


def turnaround(reviews: QuerySet[Review]) -> Turnaround:
    decided = reviews.filter(status=ReviewStatus.DECIDED).order_by("-decided_at")
    pairs = decided.values_list("waiting_since", "decided_at")[:MOST_TIMES]
    times = [(end - start).total_seconds() for start, end in pairs if end]
    if not times:
        return Turnaround(0, None, None)
    slow = quantiles(times, n=10, method="inclusive")[-1] if len(times) > 1 else times[0]
    return Turnaround(len(times), timedelta(seconds=median(times)), timedelta(seconds=slow))


def overrides(reviews: QuerySet[Review]) -> Overrides:
    """By reason, the most frequent first; reasons that nobody gave are there with 0."""
    judged = reviews.filter(status=ReviewStatus.DECIDED, decision__in=(Decision.AGREE, Decision.OVERRIDE))
    overridden = judged.filter(decision=Decision.OVERRIDE)
    rows = overridden.order_by().values_list("override_reason").annotate(n=Count("pk"))
    given = dict(rows)
    reasons = sorted(
        ((str(reason.label), given.get(reason.value, 0)) for reason in OverrideReason), key=lambda pair: -pair[1]
    )
    return Overrides(tuple(reasons), Proportion(sum(given.values()), judged.count()))


def category_changes_by_month(reviews: QuerySet[Review]) -> list[MonthlyCategoryChanges]:
    """Months with at least one reading that had a first impression, oldest first."""
    decided = reviews.filter(status=ReviewStatus.DECIDED, first_impressions__isnull=False)
    months = (
        decided.annotate(month=TruncMonth("decided_at")).order_by("month").values_list("month", flat=True).distinct()
    )
    found = [MonthlyCategoryChanges(month, category_changes(_in_month(reviews, month))) for month in months]
    return [entry for entry in found if entry.category_changes.total]


def _in_month(reviews: QuerySet[Review], month: datetime) -> QuerySet[Review]:
    return reviews.annotate(month=TruncMonth("decided_at")).filter(month=month)
