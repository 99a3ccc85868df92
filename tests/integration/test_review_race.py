"""Many readers at once: real threads, each with its own connection, on the real database."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis.actions.review import claim_next, claim_review, decide_review
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Report, Review, ReviewTransition, Scan, Series, Study
from diagnosis.models.review import Category, Decision
from diagnosis.states import ReviewStatus as S
from tests.concurrency import together
from tests.factories import WORDS, new_case, new_patient

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def cases(count: int, clinic: Clinic, by: User) -> list[Review]:
    """One uploaded scan, copied to as many patients: reading needs no different pixels."""
    first = new_case(by, new_patient(clinic, by, "0"))
    return [first, *(_copy(first, number, by) for number in range(1, count))]


def _copy(first: Review, number: int, by: User) -> Review:
    scan = Scan.objects.get(series__study=first.study_id)
    fields = {"clinic": scan.clinic, "patient": scan.patient, "modality": scan.modality}
    since = timezone.now() - timedelta(minutes=number)
    study = Study.objects.create(**fields, received_at=since, received_from=by)
    scan.pk, scan._state.adding = uuid.uuid4(), True
    scan.sha256, scan.series = f"{number:064d}", Series.objects.create(study=study)
    scan.save()
    Study.objects.filter(pk=study.pk).update(representative=scan)
    times = {"waiting_since": since, "due_at": since}
    return Review.objects.create(study_id=study.pk, clinic=scan.clinic, requested_by=by, status=S.WAITING, **times)


def test_twenty_readers_take_two_hundred_cases_and_none_twice(clinic: Clinic, radiographer: User, member) -> None:  # type: ignore[no-untyped-def]
    readers = [member("radiologist") for _ in range(20)]
    cases(200, clinic, radiographer)

    def take_all(number: int) -> list[Review]:
        found = []
        while review := claim_next(by=readers[number], within=Review.objects.all()):
            found.append(review)
        return found

    taken = together(20, take_all)
    claims = Counter(review.pk for mine in taken for review in mine)
    assert len(claims) == 200
    assert set(claims.values()) == {1}
    assert Review.objects.filter(status=S.CLAIMED).count() == 200
    assert ReviewTransition.objects.filter(target=S.CLAIMED).count() == 200
    for number, mine in enumerate(taken):
        assert {review.reader_id for review in mine} <= {readers[number].pk}


def test_all_ask_for_the_one_case_and_one_gets_it(clinic: Clinic, radiographer: User, member) -> None:  # type: ignore[no-untyped-def]
    readers = [member("radiologist") for _ in range(8)]
    (review,) = cases(1, clinic, radiographer)
    got = together(8, lambda number: claim_next(by=readers[number], within=Review.objects.all()))
    assert [one for one in got if one] == [review]


def test_a_returned_case_is_taken_once(clinic: Clinic, radiographer: User, radiologist: User, member) -> None:  # type: ignore[no-untyped-def]
    readers = [member("radiologist") for _ in range(8)]
    (review,) = cases(1, clinic, radiographer)
    claim_review(by=radiologist, review=review)
    Review.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    got = together(8, lambda number: claim_next(by=readers[number], within=Review.objects.all()))
    assert [one for one in got if one] == [review]
    assert ReviewTransition.objects.filter(note="lease_ended").count() == 1


def test_deciding_while_the_lease_ends_gives_one_outcome(clinic: Clinic, radiographer: User, member) -> None:  # type: ignore[no-untyped-def]
    slow, quick = member("radiologist"), member("radiologist")
    for review in cases(10, clinic, radiographer):
        held = claim_review(by=slow, review=review)
        Review.objects.filter(pk=review.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        outcome = together(2, lambda number, held=held: _decide(slow, held) if number else _take(quick, held))
        review.refresh_from_db()
        assert sorted(outcome) in (["decided", "taken"], ["lost", "took"]), outcome
        assert review.reader == (slow if "decided" in outcome else quick)
        assert Report.objects.filter(study=review.scan.study).exists() == ("decided" in outcome)


def _decide(reader: User, held: Review) -> str:
    try:
        decide_review(by=reader, review=held, decision=Decision.NO_RESULT, category=Category.NEGATIVE, **WORDS)
    except NotAllowedNow:
        return "lost"
    return "decided"


def _take(reader: User, review: Review) -> str:
    try:
        claim_review(by=reader, review=review)
    except NotAllowedNow:
        return "taken"
    return "took"
