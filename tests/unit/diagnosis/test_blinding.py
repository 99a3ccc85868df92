"""Who may not see what yet: people × policies × states."""

from __future__ import annotations

import pytest

from accounts.models import Clinic, User
from diagnosis.actions.review import claim_review, commit_first_impression, decide_review, request_second_opinion
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Patient, ReadingPolicy, ReadingPreference, Review
from diagnosis.models.review import Category, Decision
from diagnosis.rules import blinding
from tests.factories import WORDS, finish, new_case, read


@pytest.fixture
def review(radiographer: User, patient: Patient) -> Review:
    made = new_case(radiographer, patient)
    finish(made.scan, 0.9)
    return made


@pytest.fixture
def always(clinic: Clinic) -> ReadingPolicy:
    return ReadingPolicy.objects.create(clinic=clinic, read_first="always")


@pytest.mark.parametrize("prefers", [True, False])
@pytest.mark.parametrize(("policy", "hidden"), [(None, None), ("reader", None), ("always", True), ("never", False)])
def test_the_clinic_rules_and_else_the_reader(
    review: Review, clinic: Clinic, radiologist: User, policy: str | None, hidden: bool | None, prefers: bool
) -> None:
    if policy:
        ReadingPolicy.objects.create(clinic=clinic, read_first=policy)
    ReadingPreference.objects.create(user=radiologist, read_first=prefers)
    assert blinding.hides_result(radiologist, review.study_id) is (prefers if hidden is None else hidden)


@pytest.mark.parametrize("role", ["radiographer", "clinician", "administrator"])
def test_who_never_reads_sees_the_result(review: Review, always: ReadingPolicy, member, role: str) -> None:  # type: ignore[no-untyped-def]
    person = member(role)
    ReadingPreference.objects.create(user=person, read_first=True)
    assert not blinding.hides_result(person, review.study_id)
    assert not blinding.hides_reading(person, review.study_id)


def test_hidden_until_ones_own_first_impression(
    review: Review, always: ReadingPolicy, radiologist: User, member
) -> None:  # type: ignore[no-untyped-def]
    colleague = member("radiologist")
    claim_review(by=radiologist, review=review)
    assert blinding.hides_result(radiologist, review.study_id)
    commit_first_impression(by=radiologist, review=review, category=Category.TYPICAL)
    assert not blinding.hides_result(radiologist, review.study_id)
    # Anybody else may still be given the case.
    assert blinding.hides_result(colleague, review.study_id)


def test_a_case_that_was_read_hides_nothing(review: Review, always: ReadingPolicy, radiologist: User, member) -> None:  # type: ignore[no-untyped-def]
    colleague = member("radiologist")
    _read_first(radiologist, review)
    assert not blinding.hides_result(colleague, review.study_id)
    assert not blinding.hides_reading(colleague, review.study_id)


def test_a_decision_without_the_first_impression_is_refused(
    review: Review, always: ReadingPolicy, radiologist: User
) -> None:
    held = claim_review(by=radiologist, review=review)
    with pytest.raises(NotAllowedNow) as refused:
        decide_review(by=radiologist, review=held, decision=Decision.AGREE, category=Category.TYPICAL, **WORDS)
    assert refused.value.code == "impression_first"


def test_the_first_reading_is_hidden_from_whoever_may_be_its_second_reader(
    review: Review,
    radiologist: User,
    clinician: User,
    member,  # type: ignore[no-untyped-def]
) -> None:
    second_reader, bystander = member("radiologist"), member("radiologist")
    second = request_second_opinion(by=radiologist, review=read(radiologist, review, decision="agree"))
    scan = review.scan
    assert blinding.hides_reading(second_reader, scan.study_id)
    assert not blinding.hides_reading(radiologist, scan.study_id)
    assert not blinding.hides_reading(clinician, scan.study_id)
    claim_review(by=second_reader, review=second)
    assert blinding.hides_reading(second_reader, scan.study_id)
    read(second_reader, second, decision="agree")
    for person in (second_reader, bystander):
        assert not blinding.hides_reading(person, scan.study_id)


def test_readings_hide_with_the_result_they_tell_of(
    review: Review,
    always: ReadingPolicy,
    radiologist: User,
    member,  # type: ignore[no-untyped-def]
) -> None:
    """For an arbiter who reads first: 'overridden as a false positive' would be the result in other words."""
    second_reader, arbiter = member("radiologist"), member("radiologist")
    second = request_second_opinion(by=radiologist, review=_read_first(radiologist, review, "negative"))
    _read_first(second_reader, second, "typical")
    assert blinding.hides_reading(arbiter, review.study_id)
    arbitration = Review.objects.get(kind="arbitration")
    claim_review(by=arbiter, review=arbitration)
    commit_first_impression(by=arbiter, review=arbitration, category=Category.TYPICAL)
    assert not blinding.hides_reading(arbiter, review.study_id)


def test_a_list_is_judged_in_one_query(
    review: Review,
    always: ReadingPolicy,
    radiologist: User,
    radiographer: User,
    patient: Patient,
    django_assert_num_queries,  # type: ignore[no-untyped-def]
) -> None:
    done = new_case(radiographer, patient, 1)
    claim_review(by=radiologist, review=done)
    commit_first_impression(by=radiologist, review=done, category=Category.TYPICAL)
    with django_assert_num_queries(1):
        assert blinding.results_hidden_among(radiologist, [review.study_id, done.study_id]) == {review.study_id}


def test_nothing_is_hidden_in_a_clinic_where_one_only_visits(
    review: Review, always: ReadingPolicy, stranger: User
) -> None:
    assert not blinding.hides_result(stranger, review.study_id)


def _read_first(reader: User, review: Review, category: str = "negative") -> Review:
    claim_review(by=reader, review=review)
    commit_first_impression(by=reader, review=review, category=Category(category))
    return read(reader, review, decision="agree", category=category)


def test_a_clinic_may_hide_results_from_everybody_until_a_person_has_read(
    review: Review, clinic: Clinic, radiologist: User, radiographer: User, administrator: User
) -> None:
    everybody = (radiologist, radiographer, administrator)
    assert not any(blinding.hides_result(person, review.study_id) for person in everybody)
    ReadingPolicy.objects.create(clinic=clinic, hide_until_read=True, read_first="never")
    assert all(blinding.hides_result(person, review.study_id) for person in everybody)
    held = claim_review(by=radiologist, review=review)
    commit_first_impression(by=radiologist, review=held, category=Category.NEGATIVE)
    assert [blinding.hides_result(person, review.study_id) for person in everybody] == [False, True, True]
    decide_review(by=radiologist, review=held, decision=Decision.AGREE, category=Category.TYPICAL, **WORDS)
    assert not any(blinding.hides_result(person, review.study_id) for person in everybody)
