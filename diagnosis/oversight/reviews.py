"""What waits to be read, how long reading takes, what readers override and whether they change their category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnosis.models import Review
from diagnosis.models.agreement import Agreement
from diagnosis.models.review import Decision, OverrideReason, ReviewQuerySet
from diagnosis.oversight.times import Times
from diagnosis.proportion import Proportion
from diagnosis.reviews.category_changes import CategoryChanges
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
    """Overridden results among readings whose stand on the result was checked against their category.

    `open`: readings of results that left the category open; they count on neither side. `confirmed`: those of the
    counted ones whose reader said why both hold although they contradict each other. `before`: overridden among those
    that were read before the check, which counts for itself.
    """

    reasons: tuple[tuple[str, int], ...]
    share: Proportion
    open: int
    confirmed: int
    before: Proportion


@dataclass(frozen=True)
class Given:
    """How many results were judged, and the reasons of those that were overridden, by code; see Overrides."""

    judged: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    open: int = 0
    confirmed: int = 0
    before: int = 0
    before_overridden: int = 0

    def __add__(self, other: Given) -> Given:
        return Given(
            self.judged + other.judged,
            Counter(self.reasons) + Counter(other.reasons),
            self.open + other.open,
            self.confirmed + other.confirmed,
            self.before + other.before,
            self.before_overridden + other.before_overridden,
        )


@dataclass(frozen=True)
class MonthlyCategoryChanges:
    month: datetime
    category_changes: CategoryChanges


def waiting(reviews: ReviewQuerySet, now: datetime | None = None) -> Waiting:
    at = now or timezone.now()
    longer = {f"over_{n}": Count("pk", filter=Q(waiting_since__lte=at - age)) for n, (_, age) in enumerate(AGES[:-1])}
    found = reviews.open().aggregate(all=Count("pk"), first=Min("waiting_since"), **longer)
    at_least = [found["all"], *(found[name] for name in longer), 0]
    counts = [(str(word), more - less) for (word, _), (more, less) in zip(AGES, pairwise(at_least), strict=True)]
    return Waiting(tuple(counts), at - found["first"] if found["first"] else None)


def longest_waiting(reviews: ReviewQuerySet) -> ReviewQuerySet:
    return reviews.open().order_by("waiting_since", "id")


def times(reviews: QuerySet[Review]) -> Times:
    """From entering the queue to the decision, of those that are decided."""
    pairs = reviews.filter(status=ReviewStatus.DECIDED).order_by().values_list("waiting_since", "decided_at")
    return Times.of((end - start).total_seconds() for start, end in pairs.iterator() if end)


def turnaround(taken: Times) -> Turnaround:
    half, slow = (_span(taken.quantile(share)) for share in (0.5, 0.9))
    return Turnaround(taken.count, half, slow)


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def given(reviews: QuerySet[Review]) -> Given:
    judged = reviews.filter(status=ReviewStatus.DECIDED, decision__in=(Decision.AGREE, Decision.OVERRIDE)).order_by()
    said = Count("pk", filter=~Q(contradiction_reason=""))
    rows = judged.values_list("agreement", "override_reason").annotate(n=Count("pk"), said=said)
    return sum((_given(*row) for row in rows), Given())


def _given(agreement: str, reason: str, count: int, confirmed: int) -> Given:
    """Of readings with one comparison and one reason for overriding; no reason is no override."""
    if not agreement:
        return Given(before=count, before_overridden=count if reason else 0)
    if agreement == Agreement.OPEN:
        return Given(open=count)
    return Given(judged=count, reasons={reason: count} if reason else {}, confirmed=confirmed)


def overrides(counted: Given) -> Overrides:
    """By reason, the most frequent first; reasons that nobody gave are there with 0."""
    reasons = sorted(
        ((str(reason.label), counted.reasons.get(reason.value, 0)) for reason in OverrideReason),
        key=lambda pair: -pair[1],
    )
    return Overrides(
        tuple(reasons),
        Proportion(sum(counted.reasons.values()), counted.judged),
        counted.open,
        counted.confirmed,
        Proportion(counted.before_overridden, counted.before),
    )
