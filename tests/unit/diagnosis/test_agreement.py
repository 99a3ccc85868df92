"""How a category stands to a result, and what a reader who contradicts themselves is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from diagnosis.actions.review import claim_review, decide_review
from diagnosis.models import Analysis, EnsemblePrediction, Patient, Prediction, Report, Review
from diagnosis.models.agreement import Agreement
from diagnosis.models.review import Category, Decision
from diagnosis.models.zone import Zone
from diagnosis.reports import content
from diagnosis.reports.pdf.content import printed
from diagnosis.reviews import agreement
from diagnosis.reviews.agreement import Answer, Contradiction
from diagnosis.states import ReviewStatus as S
from tests.factories import POINT, WORDS, ZONED, finish, new_case

pytestmark = pytest.mark.django_db
# Rows are answers, columns the categories from typical to negative; A agrees, D differs, O open.
EXPECTED = {
    Answer.FOUND: "AODD",
    Answer.FOUND_OR_OTHER: "AOOD",
    Answer.OPEN: "OAOO",
    Answer.OTHER: "DOAD",
    Answer.NOTHING: "DDDA",
    Answer.NOT_IT: "DDAA",
    Answer.ANOTHER_QUESTION: "OOOO",
}
LETTERS = {"A": Agreement.AGREES, "D": Agreement.DIFFERS, "O": Agreement.OPEN}


@pytest.fixture
def review(radiographer: User, patient: Patient) -> Review:
    return new_case(radiographer, patient)


def combined(review: Review, zone: Zone, label: str) -> Analysis:
    analysis = finish(review.scan, 0.9, 0.1, combined=0.5)
    EnsemblePrediction.objects.filter(analysis=analysis).update(zone=zone, label=label)
    return Analysis.objects.get(pk=analysis.pk)


@pytest.mark.parametrize(
    ("zone", "label", "answer"),
    [
        (Zone.POSITIVE, "covid", Answer.FOUND),
        (Zone.POSITIVE, "normal", Answer.FOUND),
        (Zone.POSITIVE, "pneumonia", Answer.FOUND_OR_OTHER),
        (Zone.INDETERMINATE, "pneumonia", Answer.OPEN),
        (Zone.NEGATIVE, "pneumonia", Answer.OTHER),
        (Zone.NEGATIVE, "normal", Answer.NOTHING),
        (Zone.NEGATIVE, "non-covid", Answer.NOT_IT),
    ],
)
def test_zone_and_likeliest_class_against_every_category(
    review: Review, zone: Zone, label: str, answer: Answer
) -> None:
    analysis = combined(review, zone, label)
    assert agreement.answer_of(analysis) == answer
    assert [agreement.between(analysis, category) for category in Category] == [
        LETTERS[letter] for letter in EXPECTED[answer]
    ]
    assert agreement.meaning(analysis)


@pytest.mark.parametrize(
    ("probabilities", "answer"),
    [((0.9, 0.8), Answer.FOUND), ((0.1, 0.2), Answer.NOTHING), ((0.9, 0.1), Answer.OPEN)],
)
def test_classifiers_that_nothing_combined_speak_by_their_sides(
    review: Review, probabilities: Sequence[float], answer: Answer
) -> None:
    assert agreement.answer_of(finish(review.scan, *probabilities)) == answer


@pytest.mark.parametrize("zone", Zone)
@pytest.mark.parametrize("likeliest", ["covid", "pneumonia", "normal"])
def test_a_result_about_another_finding_is_not_compared(
    review: Review, radiologist: User, zone: Zone, likeliest: str
) -> None:
    """Of a network that was imported with `--positive pneumonia`: no category says what it says."""
    analysis = combined(review, zone, likeliest)
    point = {**ZONED, "positive_label": "pneumonia"}
    EnsemblePrediction.objects.filter(analysis=analysis).update(operating_point=point)
    analysis = Analysis.objects.get(pk=analysis.pk)
    assert {agreement.between(analysis, category) for category in Category} == {Agreement.OPEN}
    assert "answers for “other pneumonia pattern”" in agreement.meaning(analysis)
    done = decided(radiologist, review, Decision.AGREE, Category.NEGATIVE)
    assert (done.agreement, done.contradiction_reason) == (Agreement.OPEN, "")


def test_one_about_another_finding_among_several_keeps_all_from_being_compared(review: Review) -> None:
    analysis = finish(review.scan, 0.9, 0.8)
    assert agreement.answer_of(analysis) == Answer.FOUND
    point = {**POINT, "positive_label": "pneumonia"}
    Prediction.objects.filter(classifier="classifier-1").update(operating_point=point)
    assert agreement.answer_of(Analysis.objects.get()) == Answer.ANOTHER_QUESTION


def decided(by: User, review: Review, decision: Decision, category: Category, **words: Any) -> Review:
    held = claim_review(by=by, review=review)
    return decide_review(by=by, review=held, decision=decision, category=category, **{**WORDS, **words})


@pytest.mark.parametrize(
    ("decision", "category", "words"),
    [
        (Decision.AGREE, Category.NEGATIVE, {}),
        (Decision.AGREE, Category.ATYPICAL, {}),
        (Decision.OVERRIDE, Category.TYPICAL, {"override_reason": "false_positive"}),
    ],
)
def test_a_contradiction_is_refused_until_it_is_explained(
    review: Review, radiologist: User, decision: Decision, category: Category, words: dict[str, str]
) -> None:
    finish(review.scan, 0.9)
    with pytest.raises(Contradiction) as refused:
        decided(radiologist, review, decision, category, **words, contradiction_reason="  ")
    assert (refused.value.code, refused.value.http_status) == ("contradiction", 409)
    assert refused.value.details["confirm_with"] == "contradiction_reason"
    assert str(category.label) in refused.value.sentence
    assert Review.objects.get().status == S.CLAIMED
    done = decided(radiologist, review, decision, category, **words, contradiction_reason=" A known scar. ")
    assert (done.decision, done.category, done.contradiction_reason) == (decision, category, "A known scar.")


def test_what_fits_is_not_asked_about_and_keeps_no_reason(review: Review, radiologist: User) -> None:
    finish(review.scan, 0.9)
    done = decided(radiologist, review, Decision.AGREE, Category.TYPICAL, contradiction_reason="left over")
    assert (done.agreement, done.contradiction_reason) == (Agreement.AGREES, "")


@pytest.mark.parametrize("decision", [Decision.AGREE, Decision.OVERRIDE])
def test_an_open_result_accepts_either_stand(review: Review, radiologist: User, decision: Decision) -> None:
    finish(review.scan, 0.9, 0.1, combined=0.5)
    reason = {"override_reason": "clinical"} if decision == Decision.OVERRIDE else {}
    assert decided(radiologist, review, decision, Category.NEGATIVE, **reason).agreement == Agreement.OPEN


def test_without_a_result_there_is_nothing_to_compare(review: Review, radiologist: User) -> None:
    done = decided(radiologist, review, Decision.NO_RESULT, Category.NEGATIVE)
    assert (done.agreement, done.contradiction_reason) == ("", "")


@pytest.mark.parametrize("wrong", [{"contradiction_reason": "Why?"}, {"agreement": Agreement.DIFFERS}])
def test_the_database_keeps_reason_and_contradiction_together(
    review: Review, radiologist: User, wrong: dict[str, str]
) -> None:
    finish(review.scan, 0.9)
    done = decided(radiologist, review, Decision.AGREE, Category.TYPICAL)
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.filter(pk=done.pk).update(**wrong)


def test_the_hash_of_a_report_from_before_the_check_stays(review: Review, radiologist: User) -> None:
    """What was hashed then is hashed in the same form now, whatever a review has learnt since."""
    finish(review.scan, 0.9)
    done = decided(radiologist, review, Decision.AGREE, Category.TYPICAL)
    report = Report.objects.select_related("review").get(review=done)
    frozen = content.snapshot(report)
    assert "stand" not in frozen
    before = content.digest(report, frozen, signer="A", at=done.waiting_since)
    Review.objects.filter(pk=done.pk).update(agreement="")
    report = Report.objects.select_related("review").get(review=done)
    assert content.snapshot(report) == frozen
    assert content.digest(report, frozen, signer="A", at=done.waiting_since) == before


def test_a_confirmed_contradiction_is_signed_and_printed(review: Review, radiologist: User) -> None:
    finish(review.scan, 0.9)
    done = decided(radiologist, review, Decision.AGREE, Category.NEGATIVE, contradiction_reason="A known scar.")
    report = Report.objects.get(review=done)
    frozen = content.snapshot(report)
    assert frozen["stand"] == {"agreement": "differs", "contradiction_reason": "A known scar."}
    assert "Category and result contradict each other. The reader says why both are right: A known scar." in (
        printed(report).decision
    )
