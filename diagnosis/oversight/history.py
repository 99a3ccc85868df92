"""A clinic's figures by month: what is over is counted once and kept, today is counted anew.

Decisions and ends of analyses never change, so nor do the figures of a day that is over; but for one thing, `forget`.
What is kept lies in the cache and can be counted again at any time: losing it costs a wait and no figure.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from diagnosis.models import Analysis, Review
from diagnosis.oversight import agreement, jobs, reviews
from diagnosis.oversight.agreement import Agreement, Counts
from diagnosis.oversight.jobs import Day
from diagnosis.oversight.reviews import Given
from diagnosis.oversight.times import Times
from diagnosis.reviews.category_changes import CategoryChanges, category_changes

# Of what is kept: another number when its form or its meaning changes.
FORM = 6
# A move that is stamped just before midnight is committed after it: a day is over some time later.
SETTLING = timedelta(hours=1)
KEPT = timedelta(days=90)
LONGEST = 36  # months that a page can ask for

K = TypeVar("K")
V = TypeVar("V", Day, Counts)
Versions = Mapping[tuple[str, str, bool], Counts]


@dataclass(frozen=True)
class Figures:
    """Of one clinic or several over some time. The agreements are by classifier, version and check;
    `trial_agreement` is that of answers which nobody sees.
    """

    ended: Mapping[date, Day] = field(default_factory=dict)
    given: Given = field(default_factory=Given)
    times: Times = field(default_factory=Times)
    changes: CategoryChanges = field(default_factory=lambda: CategoryChanges(0, 0))
    agreement: Versions = field(default_factory=dict)
    first_agreement: Versions = field(default_factory=dict)
    trial_agreement: Versions = field(default_factory=dict)

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            _joined(self.ended, other.ended),
            self.given + other.given,
            self.times + other.times,
            self.changes + other.changes,
            _joined(self.agreement, other.agreement),
            _joined(self.first_agreement, other.first_agreement),
            _joined(self.trial_agreement, other.trial_agreement),
        )


@dataclass(frozen=True)
class Month:
    first: datetime
    figures: Figures


@dataclass(frozen=True)
class _Span:
    """A month, or those of its days that are over."""

    month: datetime
    end: datetime


def monthly(clinics: Sequence[UUID], since: datetime, now: datetime | None = None) -> list[Month]:
    """The months from `since`, the first moment of one, up to now; of all `clinics` together, oldest first.

    Months and days are those of the active time zone.
    """
    at = now or timezone.now()
    over = _midnight(at - SETTLING)
    sums: dict[datetime, Figures] = defaultdict(Figures)
    for month, figures in [*_kept(clinics, list(_spans(since, over))), *_open(clinics, over, at)]:
        sums[month] += figures
    return [Month(month, figures) for month, figures in sorted(sums.items())]


def since(months: int, now: datetime | None = None) -> datetime:
    """The first moment of a period of `months`: it begins with one, so that none is shown in part but the last."""
    first = _midnight(now or timezone.now()).replace(day=1)
    year, month = divmod(first.year * 12 + first.month - months, 12)
    return first.replace(year=year, month=month + 1)


def total(months: Iterable[Month]) -> Figures:
    return sum((month.figures for month in months), Figures())


def agreements(months: Iterable[Month], *, first_impressions: bool = False) -> list[Agreement]:
    """By version of a classifier or ensemble and month, in that order."""
    found = [
        Agreement(classifier, version, month.first, counts, checked)
        for month in months
        for (classifier, version, checked), counts in _versions(month.figures, first_impressions).items()
    ]
    # Months are in order already.
    return sorted(found, key=lambda entry: (entry.classifier, entry.version, not entry.checked))


def trials(months: Iterable[Month]) -> list[Agreement]:
    """As `agreements`, of answers that nobody sees."""
    return [
        Agreement(classifier, version, month.first, counts, checked)
        for month in months
        for (classifier, version, checked), counts in month.figures.trial_agreement.items()
    ]


def forget(clinic: UUID, at: datetime) -> None:
    """Count the time around `at` again, once the transaction is through: something in it was put right."""
    transaction.on_commit(lambda: cache.set(_stamp_key(clinic, at), uuid.uuid4().hex, timeout=None))


def count(clinic: UUID, start: datetime, end: datetime | None = None) -> Figures:
    """By reading the rows from `start` up to `end`, or to now."""
    decided = Review.objects.filter(clinic=clinic, decided_at__gte=start)
    finished = Analysis.objects.filter(study__clinic=clinic, finished_at__gte=start)
    if end:
        decided, finished = decided.filter(decided_at__lt=end), finished.filter(finished_at__lt=end)
    sound = agreement.sound(decided)
    return Figures(
        jobs.ended(finished),
        reviews.given(decided),
        reviews.times(decided),
        category_changes(decided),
        _by_version(agreement.by_month(sound)),
        _by_version(agreement.by_month(sound, first_impressions=True)),
        _by_version(agreement.on_trial_by_month(sound)),
    )


def _open(clinics: Iterable[UUID], over: datetime, now: datetime) -> Iterator[tuple[datetime, Figures]]:
    """What is not over yet: today; just after midnight yesterday too, which may have been in another month."""
    following = _midnight(over + timedelta(hours=36))
    days = [over, following] if following <= now else [over]
    for clinic in clinics:
        for start, end in zip(days, [*days[1:], None], strict=True):
            yield start.replace(day=1), count(clinic, start, end)


def _kept(clinics: Sequence[UUID], spans: Sequence[_Span]) -> Iterator[tuple[datetime, Figures]]:
    wanted = [(clinic, span) for clinic in clinics for span in spans]
    keys = dict(zip(wanted, _keys(wanted), strict=True))
    found = cache.get_many(keys.values())
    counted = {
        keys[clinic, span]: count(clinic, span.month, span.end)
        for clinic, span in wanted
        if keys[clinic, span] not in found
    }
    if counted:
        cache.set_many(counted, timeout=KEPT.total_seconds())
    for (_clinic, span), key in keys.items():
        yield span.month, found[key] if key in found else counted[key]


def _keys(wanted: Sequence[tuple[UUID, _Span]]) -> list[str]:
    """A key holds the stamps of the time that it is about, which `forget` changes: no reader can bring back the old."""
    stamp_keys = [(_stamp_key(clinic, span.month), _stamp_key(clinic, span.end)) for clinic, span in wanted]
    stamps = cache.get_many({key for pair in stamp_keys for key in pair})
    zone = timezone.get_current_timezone_name()
    return [
        f"figures:{FORM}:{clinic}:{zone}:{span.month:%Y%m%d}:{span.end:%Y%m%d}:"
        + ":".join(stamps.get(key, "") for key in pair)
        for (clinic, span), pair in zip(wanted, stamp_keys, strict=True)
    ]


def _stamp_key(clinic: UUID, at: datetime) -> str:
    """By month of UTC: a month of any zone touches no more than the two in which it begins and ends."""
    return f"figures:stamp:{clinic}:{at.astimezone(UTC):%Y%m}"


def _spans(since: datetime, over: datetime) -> Iterator[_Span]:
    month = since
    while month < over:
        following = _following(month)
        yield _Span(month, min(following, over))
        month = following


def _midnight(at: datetime) -> datetime:
    return timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)


def _following(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def _versions(figures: Figures, first_impressions: bool) -> Versions:
    return figures.first_agreement if first_impressions else figures.agreement


def _by_version(entries: Iterable[Agreement]) -> Versions:
    found: dict[tuple[str, str, bool], Counts] = {}
    for entry in entries:
        key = entry.classifier, entry.version, entry.checked
        found[key] = found.get(key, Counts()) + entry.counts
    return found


def _joined(one: Mapping[K, V], other: Mapping[K, V]) -> dict[K, V]:
    both = {**one, **other}
    return both | {key: one[key] + other[key] for key in one.keys() & other.keys()}
