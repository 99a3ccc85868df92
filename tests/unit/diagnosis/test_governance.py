"""The page of classifiers: what it counts, when it raises an alarm, and the switch on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.idle import SINCE
from accounts.models import Clinic, User
from diagnosis.actions.analysis import rerun_analysis
from diagnosis.analyses import classifiers
from diagnosis.models import (
    Analysis,
    ClassifierRule,
    DriftAlarm,
    EnsemblePrediction,
    Prediction,
    Scan,
    ShadowPrediction,
)
from diagnosis.oversight import usage
from diagnosis.oversight.alarms import tell_of_drift
from diagnosis.oversight.drift import LIMIT, REFERENCE, drift, watched
from diagnosis.oversight.usage import Answers, Version
from tests.factories import finish
from tests.unit.ml.specs import spec

MONDAY = date(2026, 1, 5)
WEEK = timedelta(days=7)


def weeks(means: list[float], count: int = 100) -> list[tuple[date, Answers]]:
    """Whose answers have a standard deviation of 0.2."""
    return [
        (MONDAY + number * WEEK, Answers(count, mean * count, (mean**2 + 0.04) * count))
        for number, mean in enumerate(means)
    ]


def steady(number: int) -> list[float]:
    noise = Random(7)
    return [0.4 + noise.uniform(-0.02, 0.02) for _ in range(number)]


@pytest.mark.parametrize(("shift", "is_higher"), [(0.06, True), (-0.06, False)])
def test_a_shift_raises_the_alarm_in_its_direction_and_a_steady_run_none(shift: float, is_higher: bool) -> None:
    assert drift(weeks(steady(60))).since is None
    moved = steady(20) + [mean + shift for mean in steady(10)]
    found = drift(weeks(moved))
    assert found.is_higher == is_higher
    assert found.since
    assert MONDAY + 20 * WEEK <= found.since <= MONDAY + 24 * WEEK
    # Few answers are no news, and a reference that is not whole is none.
    assert drift(weeks(moved, count=9)).reference is None
    assert drift(weeks(moved[: REFERENCE - 1])).reference is None
    # The same by hand: mean and deviation of the first twelve, then both sums of the first week after them.
    first, after = moved[:REFERENCE], moved[REFERENCE]
    middle = sum(first) / REFERENCE
    between = (sum((one - middle) ** 2 for one in first) / (REFERENCE - 1)) ** 0.5
    z = (after - middle) / max(between, 0.2 / 100**0.5)
    assert found.points[REFERENCE].above == pytest.approx(max(0.0, z - 0.5), abs=1e-6)
    assert found.points[REFERENCE].below == pytest.approx(max(0.0, -z - 0.5), abs=1e-6)
    assert LIMIT == 5


def test_a_week_that_runs_raises_no_alarm_and_the_first_weeks_stay_what_later_ones_are_compared_with() -> None:
    version = Version("cxr", "panel-cxr", "1.0.0")
    means = [*steady(20), 0.9]
    found = {week: {version: answers} for week, answers in weeks(means)}
    last = datetime.combine(MONDAY + 20 * WEEK, datetime.min.time(), UTC)
    ((_, running),) = watched(found, last + timedelta(days=2))
    ((_, over),) = watched(found, last + timedelta(days=8))
    assert running.since is None
    assert running.points[-1].above is None
    assert over.since == last.date()


def test_all_weeks_are_counted(scan: Scan, clinic: Clinic) -> None:
    """Drift is told from the first weeks, however long they are past."""
    cache.clear()
    analysis = finish(scan, 0.8)
    ended = datetime(2023, 3, 8, 12, tzinfo=UTC)
    Analysis.objects.filter(pk=analysis.pk).update(finished_at=ended)
    for years in (0, 2, 3):
        assert list(usage.weekly([clinic.pk], ended + timedelta(days=1 + 365 * years))) == [date(2023, 3, 6)]


def count_rerun(scan: Scan, by: User, version: str, *, number: int) -> usage.Weeks:
    """What is counted once the scan was analysed again, by `version` of its classifiers."""
    rerun_analysis(by=by, study=scan.study)
    again = finish(scan, 0.9, 0.9, combined=0.9)
    assert again.number == number
    Prediction.objects.filter(analysis=again).update(version=version)
    EnsemblePrediction.objects.filter(analysis=again).update(version=version)
    cache.clear()
    return usage.weekly([again.study.clinic_id])


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
def test_a_study_that_is_analysed_again_counts_once_for_drift(scan: Scan, radiographer: User, version: str) -> None:
    """Whatever version reads it again: people chose it, and it says nothing of what arrives."""
    Prediction.objects.filter(analysis=finish(scan, 0.2, 0.2, combined=0.2)).update(version="1.0.0")
    EnsemblePrediction.objects.update(version="1.0.0")
    found = count_rerun(scan, radiographer, version, number=2)
    first, again = Version("cxr", "panel-cxr", "1.0.0"), Version("cxr", "panel-cxr", version, again=True)
    (week,) = found.values()
    assert {one: week[one].total for one in week if one.name == "panel-cxr"} == {first: 0.2, again: 0.9}
    ((watched_version, drawn),) = watched(found)
    assert watched_version == first
    assert [point.answers.count for point in drawn.points] == [1]
    # The page of classifiers tells of all that were given
    counted = usage.in_all(found)
    assert sum(answers.count for one, answers in counted.items() if one.name == "panel-cxr") == 2
    assert not any(one.again for one in counted)
    (week,) = count_rerun(scan, radiographer, version, number=3).values()
    assert (week[first].count, week[again].count) == (1, 2)


def test_images_that_were_analysed_each_by_itself_count_each(
    scan: Scan, radiographer: User, upload: Callable[..., Scan]
) -> None:
    """As they were before there were studies; the same image analysed again still counts once."""
    other = upload(seed=7)
    Analysis.objects.filter(pk=finish(scan, 0.2, 0.2, combined=0.2).pk).update(image=other)
    count_rerun(scan, radiographer, "1.0.0", number=2)
    Analysis.objects.filter(number=2).update(image=scan)
    (week,) = count_rerun(scan, radiographer, "1.0.0", number=3).values()
    of_panel = {one.again: answers.count for one, answers in week.items() if one.name == "panel-cxr"}
    assert of_panel == {False: 3}
    Analysis.objects.filter(number=3).update(image=scan)
    cache.clear()
    (week,) = usage.weekly([scan.study.clinic_id]).values()
    of_panel = {one.again: answers.count for one, answers in week.items() if one.name == "panel-cxr"}
    assert of_panel == {False: 2, True: 1}


def test_a_study_whose_first_analysis_failed_counts_with_its_first_result(scan: Scan, radiographer: User) -> None:
    cache.clear()
    Analysis.objects.update(status="failed", failure_code="too_slow", finished_at=timezone.now())
    found = count_rerun(scan, radiographer, "1.0.0", number=2)
    (week,) = found.values()
    assert week[Version("cxr", "panel-cxr", "1.0.0")].count == 1
    assert not any(one.again for one in week)


def test_administrators_are_told_once_of_what_is_shown(
    clinic: Clinic, administrator: User, radiologist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, unseen = Version("cxr", "panel-cxr", "1.0.0"), Version("cxr", "new-cxr", "1.0.0", on_trial=True)
    member = Version("cxr", "a-cxr", "1.0.0")
    moved = dict(weeks(steady(20) + [mean + 0.06 for mean in steady(10)]))
    answered = {week: dict.fromkeys((shown, unseen, member), answers) for week, answers in moved.items()}
    monkeypatch.setattr(usage, "weekly", lambda _clinics: answered)
    assert [tell_of_drift(clinic), tell_of_drift(clinic)] == [1, 0]
    alarm = DriftAlarm.objects.get()
    assert (alarm.name, alarm.is_higher) == ("panel-cxr", True)
    assert [one.to for one in mail.outbox] == [[administrator.email]]


def test_weeks_that_are_over_are_counted_once(scan: Scan, clinic: Clinic, django_assert_num_queries: Any) -> None:
    cache.clear()
    analysis = finish(scan, 0.8, 0.6, combined=0.45)
    ended = datetime(2026, 3, 4, 12, tzinfo=UTC)
    Analysis.objects.filter(pk=analysis.pk).update(finished_at=ended)
    row = {"version": "1.0.0", "probability": 0.2, "at_or_above_threshold": False, "zone": "negative"}
    ShadowPrediction.objects.create(analysis=analysis, classifier="new-cxr", **row)
    later = ended + timedelta(days=14)
    with django_assert_num_queries(6):
        found = usage.weekly([clinic.pk], later)
    assert list(found) == [date(2026, 3, 2)]
    counted = found[date(2026, 3, 2)]
    assert counted[Version("cxr", "panel-cxr", "1.0.0")] == Answers(1, 0.45, pytest.approx(0.2025), 0, 1, 0, ended)
    assert counted[Version("cxr", "new-cxr", "1.0.0", on_trial=True)] == Answers(
        1, 0.2, pytest.approx(0.04), 1, 0, 0, ended
    )
    with django_assert_num_queries(3):  # the week that runs
        assert usage.weekly([clinic.pk], later) == found


def test_the_page_shows_how_each_stands_and_is_the_switch(
    scan: Scan,
    clinic: Clinic,
    administrator: User,
    radiologist: User,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache.clear()
    finish(scan, 0.8)
    monkeypatch.setattr(classifiers, "installed_specs", lambda: (spec(name="classifier-0", version="1.2.3"),))
    monkeypatch.setattr(classifiers, "ensembles", lambda: ())
    address = reverse("diagnosis:oversight-classifiers")
    client.force_login(radiologist)
    assert client.get(address).status_code == 403
    client.force_login(administrator)
    page = client.get(address).content.decode()
    assert "a" * 12 in page
    assert "Active</td>" in "".join(page.split())
    assert "In all clinics of this installation" not in page
    sent = {"subject": "classifier-0", "state": "stopped", "reason": "Wrong labels.", "seen": 0}
    session = client.session
    session[SINCE] -= 3600
    session.save()
    assert "reauthenticate" in client.post(address, sent).headers["Location"]
    assert not ClassifierRule.objects.exists()
    client.force_login(administrator)
    assert client.post(address, sent | {"reason": ""}).status_code == 422
    assert client.post(address, sent | {"everywhere": "on"}).status_code == 302  # of no effect for who may not
    rule = ClassifierRule.objects.get()
    assert (rule.clinic, rule.state, rule.made_by) == (clinic, "stopped", administrator)
    page = client.get(address).content.decode()
    assert page.count("Wrong labels.") == 2
    assert "Active</td>" not in "".join(page.split())
    # A page from before the stop does not lift it; one that shows it does.
    assert client.post(address, sent | {"state": "active"}).status_code == 409
    assert client.post(address, sent | {"state": "active", "seen": ""}).status_code == 422
    assert ClassifierRule.objects.get() == rule
    assert f'name="seen" value="{rule.pk}"' in page
    assert client.post(address, sent | {"state": "active", "seen": rule.pk}).status_code == 302
