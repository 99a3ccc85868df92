"""What each version of a classifier answered, week by week: weeks that are over are counted once and kept.

What is kept lies in the cache and can be counted again at any time. Weeks begin on Monday, in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncWeek
from django.utils import timezone

from diagnosis.models import Analysis, EnsemblePrediction, Prediction, ShadowPrediction
from diagnosis.models.zone import Zone
from diagnosis.oversight.history import SETTLING
from diagnosis.states import AnalysisStatus as S

# Of what is kept: another number when its form or its meaning changes.
FORM = 3
KEPT = timedelta(days=90)
# Everything is counted: drift compares with the first weeks of a version, and these must not move.
BEGINNING = date(2000, 1, 3)


@dataclass(frozen=True)
class Version:
    """Of a classifier or ensemble. `on_trial`: of the answers that nobody sees. `again`: of those about studies that
    had a result before, of this version or another.
    """

    modality: str
    name: str
    version: str
    on_trial: bool = False
    again: bool = False


@dataclass(frozen=True)
class Answers:
    """How many a version gave, and their probabilities of what it looks out for, 0 to 1: sum and sum of squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    negative: int = 0
    indeterminate: int = 0
    positive: int = 0
    last: datetime | None = None

    def __add__(self, other: Answers) -> Answers:
        return Answers(
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
            self.negative + other.negative,
            self.indeterminate + other.indeterminate,
            self.positive + other.positive,
            max((at for at in (self.last, other.last) if at), default=None),
        )

    @property
    def mean(self) -> float:
        """0 where there is none."""
        return self.total / self.count if self.count else 0.0

    @property
    def variance(self) -> float:
        """Between the answers, not below 0."""
        return max(0.0, self.squares / self.count - self.mean**2) if self.count else 0.0


Weeks = Mapping[date, Mapping[Version, Answers]]


def weekly(clinics: Sequence[UUID], now: datetime | None = None) -> Weeks:
    """All weeks that have answers, the one that is not over too, of all `clinics` together, by their Mondays, oldest
    first.
    """
    at = now or timezone.now()
    over = monday(at - SETTLING)
    kept = cache.get_many([_key(clinic) for clinic in clinics])
    sums: dict[date, dict[Version, Answers]] = {}
    for clinic in clinics:
        for week, answered in _of(clinic, kept.get(_key(clinic)), over):
            of_week = sums.setdefault(week, {})
            for version, answers in answered.items():
                of_week[version] = of_week.get(version, Answers()) + answers
    return {week: sums[week] for week in sorted(sums)}


def monday(at: datetime) -> date:
    """The first day of the week that `at` lies in."""
    day = at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def in_all(weeks: Weeks, since: date | None = None) -> dict[Version, Answers]:
    """By version, over the weeks from `since` on; those about studies that had a result before are among them."""
    found: dict[Version, Answers] = {}
    for week, answered in weeks.items():
        for version, answers in answered.items() if since is None or week >= since else ():
            whole = replace(version, again=False)
            found[whole] = found.get(whole, Answers()) + answers
    return found


def _of(clinic: UUID, kept: tuple[date, Weeks] | None, over: date) -> Iterator[tuple[date, Mapping[Version, Answers]]]:
    """The weeks that are over, which are kept, and the one that is not."""
    until, known = kept or (BEGINNING, {})
    if until < over:
        known = dict(known) | count(clinic, until, over)
        cache.set(_key(clinic), (over, known), timeout=KEPT.total_seconds())
    yield from known.items()
    yield from count(clinic, over).items()


def count(clinic: UUID, start: date, end: date | None = None) -> dict[date, dict[Version, Answers]]:
    """By reading the rows of analyses that ended from `start` up to `end`, or to now; three queries."""
    found: dict[date, dict[Version, Answers]] = {}
    for row in _rows(clinic, start, end):
        version = Version(row["modality"], row["name"], row["number"], row["on_trial"], row["again"])
        found.setdefault(row["week"].date(), {})[version] = Answers(
            row["count"],
            row["total"],
            row["squares"],
            row["negative"],
            row["indeterminate"],
            row["positive"],
            row["last"],
        )
    return found


def _rows(clinic: UUID, start: date, end: date | None) -> Iterator[dict[str, Any]]:
    kinds: Iterable[tuple[QuerySet[Any], str, bool]] = (
        (Prediction.objects.all(), "classifier", False),
        (EnsemblePrediction.objects.all(), "ensemble", False),
        (ShadowPrediction.objects.all(), "classifier", True),
    )
    for rows, name, on_trial in kinds:
        asked = rows.filter(analysis__study__clinic=clinic, analysis__finished_at__gte=_midnight(start))
        if end:
            asked = asked.filter(analysis__finished_at__lt=_midnight(end))
        for row in _summed(asked, name):
            yield {**row, "on_trial": on_trial}


def _summed(rows: QuerySet[Any], name: str) -> Iterable[dict[str, Any]]:
    found: Iterable[dict[str, Any]] = (
        rows.order_by()
        .annotate(again=~Q(analysis__number=1) & Exists(_results_before()))
        .values(
            "again",
            modality=F("analysis__study__modality"),
            name=F(name),
            number=F("version"),
            week=TruncWeek("analysis__finished_at", tzinfo=UTC),
        )
        .annotate(
            count=Count("pk"),
            total=Sum("probability"),
            squares=Sum(F("probability") * F("probability")),
            last=Max("analysis__finished_at"),
            **{zone.value: Count("pk", filter=Q(zone=zone)) for zone in Zone},
        )
    )
    return found


def _results_before() -> QuerySet[Analysis]:
    """For a subquery of answers: the analyses of the same study, or image, that had ended with a result before."""
    same = Q(image=None) | Q(image=OuterRef("analysis__image"))
    earlier = Analysis.objects.filter(study=OuterRef("analysis__study"), number__lt=OuterRef("analysis__number"))
    return earlier.filter(same, status=S.SUCCEEDED)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _key(clinic: UUID) -> str:
    return f"usage:{FORM}:{clinic}"
