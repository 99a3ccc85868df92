"""What is kept of a clinic's past equals what its rows say, whatever is put right afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis.actions.report import draft_report
from diagnosis.models import Analysis, FirstImpression, Review
from diagnosis.models.review import Category, ReviewKind
from diagnosis.oversight import agreement, history, jobs, reviews
from diagnosis.oversight.times import Times
from diagnosis.reviews.category_changes import category_changes
from diagnosis.states import ReviewStatus
from tests.factories import finish, new_case, new_patient, read

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
NOW = datetime(2026, 5, 14, 10, tzinfo=UTC)
SINCE = datetime(2026, 3, 1, tzinfo=UTC)
READINGS = 12
TODAY = 11  # queries that count one day


@pytest.fixture(autouse=True)
def _greenwich() -> None:
    timezone.activate(UTC)


@pytest.fixture
def past(clinic: Clinic, radiographer: User, radiologist: User) -> Callable[..., Review]:
    """`past(at)`: a case that was read at that time, with or without a first impression, agreed with or not."""

    def make(at: datetime, chance: random.Random | None = None) -> Review:
        chance = chance or random.Random(1)
        number = Review.objects.count()
        review = new_case(radiographer, new_patient(clinic, radiographer, f"N{number}"), 20 + number)
        finish(review.scan, chance.choice([0.1, 0.9]))
        overridden = chance.random() < 0.4
        words = {"decision": "override", "override_reason": "artefact"} if overridden else {"decision": "agree"}
        category = chance.choice([Category.TYPICAL, Category.NEGATIVE])
        read(radiologist, review, category=category, **words)
        if chance.random() < 0.5:
            FirstImpression.objects.create(review=review, reader=radiologist, category=Category.NEGATIVE)
        since = at - timedelta(seconds=chance.randrange(60, 100_000))
        Review.objects.filter(pk=review.pk).update(decided_at=at, waiting_since=since)
        Analysis.objects.filter(study=review.study_id).update(finished_at=at)
        return Review.objects.get(pk=review.pk)

    return make


def direct(clinic: Clinic, since: datetime) -> list[object]:
    """The same figures from the rows."""
    decided = Review.objects.filter(clinic=clinic, decided_at__gte=since)
    return [
        jobs.ended(Analysis.objects.filter(study__clinic=clinic, finished_at__gte=since)),
        reviews.given(decided),
        reviews.turnaround(reviews.times(decided)),
        category_changes(decided),
        agreement.by_month(decided),
        agreement.by_month(decided, first_impressions=True),
    ]


def kept(clinic: Clinic, since: datetime, now: datetime = NOW) -> list[object]:
    months = history.monthly([clinic.pk], since, now)
    total = history.total(months)
    return [
        total.ended,
        total.given,
        reviews.turnaround(total.times),
        total.changes,
        history.agreements(months),
        history.agreements(months, first_impressions=True),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_kept_equals_the_rows(clinic: Clinic, past: Callable[..., Review], seed: int) -> None:
    """On random readings of three months, counted at once and from what was kept."""
    chance = random.Random(seed)
    for _ in range(READINGS):
        past(SINCE + timedelta(seconds=chance.randrange(int((NOW - SINCE).total_seconds()))), chance)
    assert kept(clinic, SINCE) == direct(clinic, SINCE)
    assert kept(clinic, SINCE) == direct(clinic, SINCE)


def test_a_day_that_is_over_is_not_read_again(clinic: Clinic, past: Callable[..., Review]) -> None:
    past(NOW - timedelta(days=40))
    kept(clinic, SINCE)
    with CaptureQueriesContext(connection) as asked:
        kept(clinic, SINCE)
    assert len(asked) == TODAY
    assert all("2026-05-14" in query["sql"] for query in asked)


def test_today_is_counted_anew(clinic: Clinic, past: Callable[..., Review]) -> None:
    kept(clinic, SINCE)
    past(NOW - timedelta(minutes=5))
    assert kept(clinic, SINCE) == direct(clinic, SINCE)


def test_a_move_that_is_committed_after_midnight_is_not_lost(clinic: Clinic, past: Callable[..., Review]) -> None:
    midnight = datetime(2026, 5, 1, tzinfo=UTC)
    assert not history.total(history.monthly([clinic.pk], SINCE, midnight + timedelta(minutes=1))).given.judged
    past(midnight - timedelta(seconds=1))
    months = history.monthly([clinic.pk], SINCE, midnight + timedelta(minutes=2))
    assert [(month.first.month, month.figures.given.judged) for month in months][-2:] == [(4, 1), (5, 0)]
    later = history.monthly([clinic.pk], SINCE, midnight + timedelta(hours=2))
    assert [month.figures.given.judged for month in later] == [0, 1, 0]


def test_a_report_that_rests_on_another_reading_reaches_the_month_of_the_first(
    clinic: Clinic,
    past: Callable[..., Review],
    radiologist: User,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    """The arbiter's reading counts in place of the first one, which was months ago."""
    first = past(NOW - timedelta(days=60))
    other = past(NOW - timedelta(days=2))
    assert len(history.agreements(history.monthly([clinic.pk], SINCE, NOW))) == 2
    other.report.delete()
    Review.objects.filter(pk=other.pk).update(study=first.study_id, kind=ReviewKind.ARBITRATION)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        history.forget(clinic.pk, NOW - timedelta(days=2))
        draft_report(by=radiologist, review=Review.objects.get(pk=other.pk))
    assert kept(clinic, SINCE) == direct(clinic, SINCE)
    assert len(history.agreements(history.monthly([clinic.pk], SINCE, NOW))) == 1


def test_nothing_is_forgotten_by_what_is_rolled_back(
    clinic: Clinic, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    """Else a reader could count the old rows once more and keep them."""
    kept(clinic, SINCE)
    with django_capture_on_commit_callbacks(execute=False):  # type: ignore[attr-defined]
        history.forget(clinic.pk, NOW - timedelta(days=60))
    with CaptureQueriesContext(connection) as asked:
        kept(clinic, SINCE)
    assert len(asked) == TODAY


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_months_are_those_of_the_time_zone_and_forgotten_there_too(
    clinic: Clinic,
    past: Callable[..., Review],
    zone: str,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    """13 minutes before and after midnight of UTC a month begins or ends in one zone and not in the other."""
    timezone.activate(ZoneInfo(zone))
    since = history.since(3, NOW)
    edges = [datetime(2026, 4, day, hour, tzinfo=UTC) for day in (1, 30) for hour in (0, 12, 23)]
    readings = [past(edge) for edge in edges]
    assert kept(clinic, since) == direct(clinic, since)
    for review in readings:
        Review.objects.filter(pk=review.pk).update(
            decision="override", override_reason="clinical", agreement="open", contradiction_reason=""
        )
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
            assert review.decided_at
            history.forget(clinic.pk, review.decided_at)
        assert kept(clinic, since) == direct(clinic, since)


def test_clinics_are_added_and_kept_apart(clinic: Clinic, other_clinic: Clinic, past: Callable[..., Review]) -> None:
    past(NOW - timedelta(days=40))
    assert history.total(history.monthly([clinic.pk, other_clinic.pk], SINCE, NOW)).given.judged == 1
    assert history.total(history.monthly([other_clinic.pk], SINCE, NOW)).given.judged == 0


@pytest.mark.parametrize("count", [1, 2, 3, 10, 1000])
def test_times_keep_their_quantiles(count: int) -> None:
    """Against Python's own of the single values, to one per cent; exact where no two share a bucket."""
    chance = random.Random(count)
    seconds = [chance.lognormvariate(8, 1.5) for _ in range(count)]
    half = count // 2
    found = Times.of(seconds[:half]) + Times.of(seconds[half:])
    nine_tenths = quantiles(seconds, n=10, method="inclusive")[-1] if count > 1 else seconds[0]
    exactly = 1e-9 if count <= 3 else 0.01
    assert found.count == count
    assert found.quantile(0.5) == pytest.approx(median(seconds), rel=exactly)
    assert found.quantile(0.9) == pytest.approx(nine_tenths, rel=exactly)


def test_no_time_has_no_quantile() -> None:
    assert Times().quantile(0.5) is None
    assert Times.of([0.0, 0.0]).quantile(0.5) == 0


def test_a_decided_review_never_moves() -> None:
    """What is kept rests on it: a figure of the past changes by `forget` alone."""
    from diagnosis.states import ANALYSIS_MOVES, REVIEW_MOVES, AnalysisStatus

    assert not REVIEW_MOVES[ReviewStatus.DECIDED]
    assert not any(ANALYSIS_MOVES[AnalysisStatus(status)] for status in ("succeeded", "failed", "cancelled"))
