"""The screen's charts: from numbers to drawings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from diagnosis.oversight import chart
from diagnosis.oversight.agreement import Agreement
from diagnosis.oversight.chart import Bars, Columns, Dots, Measured
from diagnosis.oversight.jobs import Day
from diagnosis.oversight.kappa import Kappa
from diagnosis.oversight.reviews import MonthlyCategoryChanges, Overrides, Waiting
from diagnosis.oversight.storage import Usage
from diagnosis.proportion import Proportion


@dataclass(frozen=True)
class Version:
    """One classifier version: its sum, its months and their drawing."""

    whole: Agreement
    months: list[Agreement]
    drawing: Dots


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


def versions(wholes: Iterable[Agreement], months: list[Agreement]) -> list[Version]:
    return [_version(number, whole, months) for number, whole in enumerate(wholes)]


def _version(number: int, whole: Agreement, months: list[Agreement]) -> Version:
    own = [entry for entry in months if (entry.classifier, entry.version) == (whole.classifier, whole.version)]
    labels = [date_format(entry.month, "MONTH_AND_YEAR_FORMAT") if entry.month else "" for entry in own]
    series = [
        (_("sensitivity"), [_of_proportion(entry.counts.sensitivity) for entry in own]),
        (_("specificity"), [_of_proportion(entry.counts.specificity) for entry in own]),
        (_("kappa"), [_of_kappa(entry.counts.kappa) for entry in own]),
    ]
    title = _("Agreement of %(name)s %(version)s with the readers, by month") % {
        "name": whole.classifier,
        "version": whole.version,
    }
    lowest = -1.0 if any(k and k.value < 0 for k in (entry.counts.kappa for entry in own)) else 0.0
    return Version(whole, own, chart.dots(f"agreement-{number}", title, labels, series, lowest=lowest))


def _of_proportion(proportion: Proportion) -> Measured | None:
    if proportion.share is None or proportion.interval is None:
        return None
    return Measured(proportion.share, *proportion.interval)


def _of_kappa(kappa: Kappa | None) -> Measured | None:
    return Measured(kappa.value, kappa.low, kappa.high) if kappa else None
