"""The screen's charts: from numbers to drawings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from diagnosis import formats
from diagnosis.models.zone import Zone
from diagnosis.oversight import chart
from diagnosis.oversight.agreement import Agreement
from diagnosis.oversight.chart import Bars, Columns, Dots, Measured
from diagnosis.oversight.drift import Drift, Point
from diagnosis.oversight.jobs import Day
from diagnosis.oversight.kappa import Kappa
from diagnosis.oversight.reviews import MonthlyCategoryChanges, Overrides, Waiting
from diagnosis.oversight.storage import Usage
from diagnosis.oversight.usage import Answers
from diagnosis.proportion import FEWEST, Z95, Proportion

# Where the scale of each rate begins: sensitivity, specificity, kappa. All end at 1.
LOWEST = (0.0, 0.0, -1.0)


@dataclass(frozen=True)
class Rate:
    """A rate of `n` readings in a cell: its words, and where dot and whisker stand in the small drawing.

    `value` is empty where there are too few readings, or none.
    """

    n: int
    value: str = ""
    interval: str = ""
    at: str = ""
    low: str = ""
    high: str = ""

    @property
    def spoken(self) -> str:
        return f"{self.value} ({self.interval}), n = {self.n}"


@dataclass(frozen=True)
class Version:
    """One classifier version: its sum over the period, and its rates for a row of the table."""

    whole: Agreement
    rates: tuple[Rate, ...]


def days(found: list[Day]) -> Columns:
    labels = [date_format(day.day, "DAY_AND_MONTH_FORMAT") for day in found]
    series = [
        ("success", _("finished"), [day.succeeded for day in found]),
        ("danger", _("failed"), [day.failed for day in found]),
        ("neutral", _("cancelled"), [day.cancelled for day in found]),
    ]
    return chart.columns("days", _("How analyses ended, by day"), labels, series)


def ages(waiting: Waiting) -> Bars:
    rows = [(word, float(count), str(count)) for word, count in waiting.ages]
    return chart.bars("ages", _("Open cases by how long they have waited"), rows)


def overrides(counted: Overrides) -> Bars:
    rows = [(reason, float(count), str(count)) for reason, count in counted.reasons]
    return chart.bars("overrides", _("Overridden results by reason"), rows)


def category_changes(months: list[MonthlyCategoryChanges]) -> Dots:
    values = [
        _of_proportion(Proportion(entry.category_changes.changed, entry.category_changes.total)) for entry in months
    ]
    labels = [date_format(entry.month, "MONTH_AND_YEAR_FORMAT") for entry in months]
    return chart.dots(
        "category-changes", _("Share of revised first impressions, by month"), labels, [(_("revised"), values)]
    )


def usage(kinds: list[Usage]) -> Bars:
    rows = [(kind.label, float(kind.size), filesizeformat(kind.size)) for kind in kinds]
    return chart.bars("storage", _("Space taken on the disk, by kind"), rows)


def weekly_means(key: str, found: Drift, weeks: int) -> Dots:
    """The mean probability of each of the last `weeks`, with its 95 % interval (normal approximation)."""
    points = found.points[-weeks:]
    values = [_of_mean(point.answers) for point in points]
    return chart.dots(f"{key}-means", _("Mean probability, by week"), _mondays(points), [(_("mean"), values)])


def zones(key: str, found: Drift, weeks: int) -> Columns:
    points = found.points[-weeks:]
    series = [
        ("neutral", Zone.NEGATIVE.label, [point.answers.negative for point in points]),
        ("warning", Zone.INDETERMINATE.label, [point.answers.indeterminate for point in points]),
        ("danger", Zone.POSITIVE.label, [point.answers.positive for point in points]),
    ]
    named = [(tone, str(name), counts) for tone, name, counts in series]
    return chart.columns(f"{key}-zones", _("Answers by zone and week"), _mondays(points), named)


def _mondays(points: Sequence[Point]) -> list[str]:
    return [date_format(point.week, "DAY_AND_MONTH_FORMAT") for point in points]


def _of_mean(answers: Answers) -> Measured | None:
    if answers.count < FEWEST:
        return None
    half = Z95 * sqrt(answers.variance / answers.count)
    return Measured(answers.mean, max(0.0, answers.mean - half), min(1.0, answers.mean + half))


def versions(wholes: Iterable[Agreement]) -> list[Version]:
    return [_version(whole) for whole in wholes]


def _version(whole: Agreement) -> Version:
    counts = whole.counts
    proportions = [(one.whole, _of_proportion(one)) for one in (counts.sensitivity, counts.specificity)]
    measured = [*proportions, (counts.total, _of_kappa(counts.kappa) if counts.total >= FEWEST else None)]
    return Version(whole, tuple(_rate(n, value, low) for (n, value), low in zip(measured, LOWEST, strict=True)))


def _rate(n: int, measured: Measured | None, lowest: float) -> Rate:
    if measured is None:
        return Rate(n)
    at, low, high = (chart.place(value, lowest) for value in (measured.value, measured.low, measured.high))
    interval = formats.decimal_interval((measured.low, measured.high))
    return Rate(n, formats.decimal(measured.value), interval, at, low, high)


def _of_proportion(proportion: Proportion) -> Measured | None:
    if proportion.share is None or proportion.interval is None or not proportion.is_shown:
        return None
    return Measured(proportion.share, *proportion.interval)


def _of_kappa(kappa: Kappa | None) -> Measured | None:
    return Measured(kappa.value, kappa.low, kappa.high) if kappa else None
