"""The numbers of the administrator's screen, against what was read and against the formulas' definitions."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from math import isclose, sqrt
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis.actions.analysis import cancel_analysis, rerun_analysis
from diagnosis.actions.dismissal import bring_back, set_aside
from diagnosis.actions.report import sign_report
from diagnosis.actions.report_correction import correct_report, enter_in_error
from diagnosis.actions.review import claim_review, commit_first_impression, decide_review
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Analysis, Prediction, Report, Review, Scan, ShadowPrediction
from diagnosis.models.review import Category, Decision
from diagnosis.oversight import agreement, chart, history, jobs, storage, work
from diagnosis.oversight import reviews as reading
from diagnosis.oversight.agreement import Counts
from diagnosis.oversight.kappa import kappa
from diagnosis.oversight.table import Table
from diagnosis.proportion import Z95, Proportion
from diagnosis.reviews.category_changes import CategoryChanges, category_changes
from diagnosis.states import AnalysisStatus as S
from tests.conftest import PASSWORD
from tests.factories import POINT, WORDS, finish, new_case, new_patient, read

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


# --- formulas ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_published(part: int, whole: int, low: float, high: float) -> None:
    """The examples of Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3."""
    interval = Proportion(part, whole).interval
    assert interval is not None
    assert interval == pytest.approx((low, high), abs=6e-5)


def test_nothing_has_no_share() -> None:
    assert (Proportion(0, 0).share, Proportion(0, 0).interval) == (None, None)


def plain_kappa(shares: list[float]) -> float:
    both, first, second, neither = shares
    chance = (both + first) * (both + second) + (neither + second) * (neither + first)
    return (both + neither - chance) / (1 - chance)


def error_by_delta_method(counts: list[int]) -> float:
    """Kappa's standard error from its numerical gradient and the covariance of a multinomial."""
    n = sum(counts)
    shares, step = [count / n for count in counts], 1e-6
    gradient = []
    for i in range(4):
        up, down = shares.copy(), shares.copy()
        up[i], down[i] = up[i] + step, down[i] - step
        gradient.append((plain_kappa(up) - plain_kappa(down)) / (2 * step))
    mean = sum(g * p for g, p in zip(gradient, shares, strict=True))
    return sqrt((sum(g * g * p for g, p in zip(gradient, shares, strict=True)) - mean**2) / n)


@pytest.mark.parametrize("counts", [[20, 5, 10, 15], [40, 9, 6, 45], [3, 1, 2, 94], [5, 30, 25, 5]])
def test_kappa_and_its_error_follow_from_the_definition(counts: list[int]) -> None:
    found = kappa(*counts)
    assert found is not None
    assert isclose(found.value, plain_kappa([count / sum(counts) for count in counts]))
    half = Z95 * error_by_delta_method(counts)
    assert found.low == pytest.approx(max(-1, found.value - half), abs=1e-5)
    assert found.high == pytest.approx(min(1, found.value + half), abs=1e-5)


def test_kappa_of_known_tables() -> None:
    assert kappa(20, 5, 10, 15).value == pytest.approx(0.4)  # type: ignore[union-attr]
    assert kappa(5, 0, 0, 7).value == 1  # type: ignore[union-attr]
    assert kappa(0, 0, 0, 0) is None


@pytest.mark.parametrize("counts", [(0, 0, 0, 9), (9, 0, 0, 0), (4, 5, 0, 0), (4, 0, 5, 0), (0, 4, 0, 5), (0, 0, 4, 5)])
def test_a_rater_who_always_says_the_same_has_no_kappa(counts: tuple[int, int, int, int]) -> None:
    assert kappa(*counts) is None


# --- jobs --------------------------------------------------------------------------------------------------
def fail(analysis: Analysis) -> None:
    claim = Analysis.objects.claim(analysis.pk, worker="worker one")
    assert Analysis.objects.finish(analysis.pk, S.RUNNING, S.FAILED, by="w", only=Q(claim=claim), failure_code="x")
    analysis.refresh_from_db()


def test_only_the_latest_analysis_of_a_scan_needs_a_person(analysis: Analysis, radiographer: User) -> None:
    fail(analysis)
    assert list(jobs.failed(Analysis.objects.all())) == [analysis]
    again = rerun_analysis(by=radiographer, study=analysis.scan.study)
    assert not jobs.failed(Analysis.objects.all()).exists()
    cancel_analysis(by=radiographer, analysis=again)
    assert list(jobs.cancelled(Analysis.objects.all())) == [again]


def test_late_is_what_is_open_beyond_the_limit(analysis: Analysis) -> None:
    limit = timezone.now() + settings.ANALYSIS_WAIT_WARNING
    assert not jobs.late(Analysis.objects.all(), now=limit - timedelta(seconds=30)).exists()
    assert jobs.late(Analysis.objects.all(), now=limit + timedelta(seconds=30)).exists()
    fail(analysis)
    assert not jobs.late(Analysis.objects.all(), now=limit + timedelta(seconds=30)).exists()


def test_setting_aside_hides_and_bringing_back_shows(analysis: Analysis, administrator: User) -> None:
    fail(analysis)
    before = Analysis.objects.values().get(pk=analysis.pk)
    with pytest.raises(Refusal, match="Say why"):
        set_aside(by=administrator, analysis=analysis, reason=" ")
    made = set_aside(by=administrator, analysis=analysis, reason="film repeated")
    assert not jobs.failed(Analysis.objects.all()).exists()
    assert list(jobs.aside(Analysis.objects.all())) == [analysis]
    with pytest.raises(NotAllowedNow, match="already set aside"):
        set_aside(by=administrator, analysis=analysis, reason="again")
    bring_back(by=administrator, analysis=analysis)
    made.refresh_from_db()
    assert (made.reason, made.undone_by) == ("film repeated", administrator)
    assert list(jobs.failed(Analysis.objects.all())) == [analysis]
    assert Analysis.objects.values().get(pk=analysis.pk) == before


def test_what_is_open_cannot_be_set_aside(analysis: Analysis, administrator: User) -> None:
    with pytest.raises(NotAllowedNow, match="Only a failed or cancelled"):
        set_aside(by=administrator, analysis=analysis, reason="x")


def test_days_are_counted_and_empty_ones_are_zero(analysis: Analysis) -> None:
    fail(analysis)
    days = jobs.by_day(jobs.ended(Analysis.objects.all()), 3)
    assert [(day.succeeded, day.failed, day.cancelled) for day in days] == [(0, 0, 0), (0, 0, 0), (0, 1, 0)]
    assert days[-1].day == timezone.localdate()


def test_queue_and_workers(analysis: Analysis, upload: Callable[..., Scan]) -> None:
    other = upload(2).analyses.get()
    Analysis.objects.claim(other.pk, worker="worker two")
    now = timezone.now()
    found = work.queue(Analysis.objects.all(), now)
    assert (found.queued, found.running, found.lost, found.oldest) == (1, 1, 0, analysis.requested_at)
    later = now + settings.ANALYSIS_LEASE + timedelta(seconds=5)
    assert (work.queue(Analysis.objects.all(), later).running, work.queue(Analysis.objects.all(), later).lost) == (0, 1)
    fail(analysis)
    assert [(w.name, w.running, w.failed) for w in work.workers(Analysis.objects.all())] == [
        ("worker two", 1, 0),
        ("worker one", 0, 1),
    ]


def test_storage_is_what_lies_on_the_disk(scan: Scan, upload: Callable[..., Scan]) -> None:
    other = upload(3)
    root = Path(settings.PRIVATE_ROOT)
    originals = storage.usage(root, Scan.objects.filter(pk=scan.pk))[0]
    assert (originals.files, originals.size, originals.missing) == (1, scan.byte_size, 0)
    other.original.storage.delete(other.original.name)
    both = storage.usage(root, Scan.objects.all())[0]
    assert (both.files, both.missing) == (1, 1)


# --- reading -----------------------------------------------------------------------------------------------
@pytest.fixture
def case(clinic: Clinic, radiographer: User) -> Callable[..., Review]:
    def make(*results: float) -> Review:
        number = Review.objects.count()
        review = new_case(radiographer, new_patient(clinic, radiographer, f"N{number}"), 20 + number)
        if results:
            finish(review.scan, *results)
        return review

    return make


def test_waiting_cases_by_age(case: Callable[..., Review]) -> None:
    now = timezone.now()
    for hours in (0.5, 2, 3, 100):
        Review.objects.filter(pk=case().pk).update(waiting_since=now - timedelta(hours=hours))
    found = reading.waiting(Review.objects.all(), now)
    assert [count for _, count in found.ages] == [1, 2, 0, 0, 0, 1]
    assert (found.total, found.longest) == (4, timedelta(hours=100))


def test_overrides_by_reason(case: Callable[..., Review], radiologist: User) -> None:
    read(radiologist, case(0.9), decision="agree", category="typical")
    read(radiologist, case(0.9), decision="override", category="negative", override_reason="false_positive")
    read(radiologist, case(), decision="no_result")
    found = reading.overrides(reading.given(Review.objects.all()))
    assert found.share == Proportion(1, 2)
    assert found.reasons[0] == ("No such finding on the image", 1)
    assert sum(count for _, count in found.reasons) == 1


def test_what_was_read_before_the_check_is_counted_apart(case: Callable[..., Review], radiologist: User) -> None:
    """Nothing of an old row is rewritten: an empty comparison says that there was none."""
    for _ in range(2):
        read(radiologist, case(0.9), decision="override", category="negative", override_reason="artefact")
    read(radiologist, case(0.9), decision="agree", category="negative")
    read(radiologist, case(0.9), decision="agree", category="indeterminate")
    old = Review.objects.filter(decision="override").first()
    assert old
    Review.objects.filter(pk=old.pk).update(agreement="")
    counted = reading.given(Review.objects.all())
    found = reading.overrides(counted)
    assert (found.share, found.before) == (Proportion(1, 2), Proportion(1, 1))
    assert (found.open, found.confirmed) == (1, 1)
    assert reading.overrides(counted + counted).before == Proportion(2, 2)


def test_agreement_counts_each_corner(case: Callable[..., Review], radiologist: User) -> None:
    """Two classifiers, of which the second always says no; the threshold is 0.4321."""
    for first, category in [(0.9, "typical"), (0.9, "atypical"), (0.1, "indeterminate"), (0.1, "negative")]:
        read(radiologist, case(first, 0.1), decision="agree", category=category)
    read(radiologist, case(), decision="no_result", category="typical")
    read(radiologist, case(0.9), decision="agree", category="typical", image_quality="unreadable")
    months = agreement.by_month(Review.objects.all())
    assert [(m.classifier, m.version, m.counts) for m in months] == [
        ("classifier-0", "1.2.3", Counts(1, 1, 1, 1)),
        ("classifier-1", "1.2.3", Counts(0, 0, 2, 2)),
    ]
    assert all(m.month and m.month.month == timezone.localtime().month for m in months)


@pytest.mark.both_databases
def test_answers_about_another_finding_do_not_count(case: Callable[..., Review], radiologist: User) -> None:
    """The categories do not say whether they are right."""
    for category in ("typical", "negative"):
        read(radiologist, case(0.9, 0.1), decision="agree", category=category)
    point = {**POINT, "positive_label": "pneumonia"}
    Prediction.objects.filter(classifier="classifier-1").update(operating_point=point)
    (counted,) = agreement.by_month(Review.objects.all())
    assert (counted.classifier, counted.counts) == ("classifier-0", Counts(1, 1, 0, 0))


@pytest.mark.both_databases
def test_of_answers_on_trial_those_about_another_finding_do_not_count_either(
    case: Callable[..., Review], radiologist: User
) -> None:
    """By what each row was for when it was given; rows older than that are counted as they were."""
    labels = {"old-cxr": "", "covid-cxr": "covid", "pneumonia-cxr": "pneumonia"}
    for category in ("typical", "negative"):
        review = case(0.9)
        analysis = Analysis.objects.get(study=review.study)
        for name, label in labels.items():
            said = {"probability": 0.9, "at_or_above_threshold": True, "zone": "positive", "positive_label": label}
            ShadowPrediction.objects.create(analysis=analysis, classifier=name, version="1.0.0", **said)
        read(radiologist, review, decision="agree", category=category)
    counted = {one.classifier: one.counts for one in agreement.on_trial_by_month(Review.objects.all())}
    assert counted == dict.fromkeys(("old-cxr", "covid-cxr"), Counts(1, 1, 0, 0))


def test_agreement_by_version_and_month_adds_up(case: Callable[..., Review], radiologist: User) -> None:
    old, new = case(0.9), case(0.1)
    for review in (old, new):
        read(radiologist, review, decision="agree", category="typical")
    Review.objects.filter(pk=old.pk).update(decided_at=timezone.now() - timedelta(days=70))
    months = agreement.by_month(Review.objects.all())
    assert [entry.counts for entry in months] == [Counts(1, 0, 0, 0), Counts(0, 0, 1, 0)]
    (whole,) = agreement.overall(months)
    assert (whole.month, whole.counts) == (None, Counts(1, 0, 1, 0))
    assert whole.counts.sensitivity == Proportion(1, 2)


def test_a_report_entered_in_error_counts_no_more_in_any_version(
    case: Callable[..., Review], clinic: Clinic, radiologist: User, django_capture_on_commit_callbacks: Any
) -> None:
    wrong, right = case(0.9), case(0.9)
    for review in (wrong, right):
        read(radiologist, review, decision="agree", category="typical")
    signed = {"by": radiologist, "password": PASSWORD}
    first = sign_report(report=Report.objects.get(review=wrong), **signed)
    second = correct_report(report=first, reason="A word.", impression="Another word.", **signed)

    def counted() -> list[Counts]:
        return [one.counts for one in history.agreements(history.monthly([clinic.pk], history.since(1), later))]

    later = timezone.now() + timedelta(days=2)  # so that today is over, and kept
    assert counted() == [Counts(2, 0, 0, 0)]
    with django_capture_on_commit_callbacks(execute=True):
        enter_in_error(report=second, reason="Of another patient.", **signed)
    assert counted() == [Counts(1, 0, 0, 0)]


def test_first_impressions_are_another_standard(case: Callable[..., Review], radiologist: User) -> None:
    review = claim_review(by=radiologist, review=case(0.9))
    commit_first_impression(by=radiologist, review=review, category=Category.NEGATIVE)
    decide_review(by=radiologist, review=review, decision=Decision.AGREE, category=Category.TYPICAL, **WORDS)
    (decided,) = agreement.by_month(Review.objects.all())
    (first,) = agreement.by_month(Review.objects.all(), first_impressions=True)
    assert (decided.counts, first.counts) == (Counts(1, 0, 0, 0), Counts(0, 1, 0, 0))
    assert category_changes(Review.objects.all()) == CategoryChanges(changed=1, total=1)


# --- tables and drawings -----------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "=cmd|' /C calc'!A0"])
def test_no_cell_becomes_a_formula(text: str) -> None:
    (_, (cell, number)) = csv.reader(StringIO(Table(("a", "b"), [[text, -1.5]]).csv(), newline=""))
    assert cell == f"'{text}"
    assert number == "-1.5"


def test_cells_survive_commas_quotes_and_lines() -> None:
    rows = list(csv.reader(StringIO(Table(("a",), [['x, "y"\nz'], [None]]).csv(), newline="")))
    assert rows == [["a"], ['x, "y"\nz'], [""]]


def test_columns_stack_to_their_sum() -> None:
    drawn = chart.columns("k", "t", ["a", "b"], [("success", "good", [3, 0]), ("danger", "bad", [1, 0])])
    assert [step.text for step in drawn.steps] == ["0", "2", "4"]
    lower, upper = drawn.segments
    assert float(lower.top) == pytest.approx(float(upper.top) + float(upper.height), abs=0.11)
    assert float(upper.top) == chart.TOP
    assert drawn.description == "In total: 3 good, 1 bad."


@pytest.mark.parametrize("most", [0, 1, 2, 3, 7, 9, 10, 11, 19, 99, 100, 101, 12345])
def test_the_axis_reaches_beyond_the_highest_column(most: int) -> None:
    drawn = chart.columns("k", "t", ["a"], [("success", "x", [most])])
    assert float(drawn.steps[-1].text) >= most


def test_dots_stand_where_their_values_are() -> None:
    value = chart.Measured(0.5, 0.0, 1.0)
    drawn = chart.dots("k", "t", ["May"], [("a", [value]), ("b", [None])])
    (dot,) = drawn.dots
    assert (float(dot.high), float(dot.low)) == (chart.TOP, chart.BOTTOM)
    assert float(dot.y) == (chart.TOP + chart.BOTTOM) / 2
    assert "b: no value." in drawn.description
