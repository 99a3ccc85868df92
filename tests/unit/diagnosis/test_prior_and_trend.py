"""Which earlier studies are offered for comparison, in which order, and when probabilities make a trend."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from accounts.models import User
from diagnosis.models import Patient, Scan, Study
from diagnosis.patients.prior import MOST, prior_studies
from diagnosis.patients.trend import trend
from tests.factories import finish

pytestmark = pytest.mark.django_db


def taken(scan: Scan, year: int) -> Scan:
    Study.objects.filter(pk=scan.study.pk).update(examined_at=dt.datetime(year, 5, 1, tzinfo=dt.UTC))
    return Scan.objects.get(pk=scan.pk)


def test_the_latest_earlier_study_comes_first(upload: Callable[..., Scan]) -> None:
    years = [2019, 2023, 2021]
    made = {year: taken(upload(seed), year) for seed, year in enumerate(years)}
    now = taken(upload(9), 2024)
    assert prior_studies(now) == [made[year] for year in sorted(years, reverse=True)]


def test_of_many_earlier_studies_the_oldest_are_left_out(upload: Callable[..., Scan]) -> None:
    made = [taken(upload(seed), 2010 + seed) for seed in range(MOST + 1)]
    now = taken(upload(99), 2024)
    assert prior_studies(now) == made[:0:-1]


def test_one_result_is_no_trend_and_two_are(upload: Callable[..., Scan], patient: Patient, clinician: User) -> None:
    finish(taken(upload(1), 2022), 0.2)
    assert trend(patient, clinician) is None
    finish(taken(upload(2), 2023), 0.8)
    drawn = trend(patient, clinician)
    assert drawn
    assert [point.probability for point in drawn.lines[0].points] == [0.2, 0.8]
