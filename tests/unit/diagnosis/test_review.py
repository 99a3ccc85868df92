"""Holding a case, keeping words, deciding."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis.actions import draft
from diagnosis.actions.draft import Written, save_draft
from diagnosis.actions.review import (
    LEAVING,
    claim_next,
    claim_review,
    commit_first_impression,
    decide_review,
    leave_review,
    release_expired,
    release_review,
    renew_claim,
    request_second_opinion,
)
from diagnosis.actions.scan import upload_scan
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Draft, Patient, ReadingPolicy, Report, Review, Scan
from diagnosis.models.review import Category, Decision, ReviewKind
from diagnosis.reports import content as report_content
from diagnosis.reviews.category_changes import CategoryChanges, category_changes
from diagnosis.rules import policies
from diagnosis.states import ReviewStatus as S
from tests.conftest import PASSWORD
from tests.factories import WORDS, finish, new_case, read
from tests.images import ct_dicom


@pytest.fixture
def review(radiographer: User, patient: Patient) -> Review:
    return new_case(radiographer, patient)


@pytest.fixture
def colleague(member) -> User:  # type: ignore[no-untyped-def]
    person: User = member("radiologist")
    return person


def lose(review: Review) -> None:
    """The holder's page went away long ago."""
    past = timezone.now() - timedelta(seconds=1)
    assert Review.objects.filter(pk=review.pk, status=S.CLAIMED).update(lease_expires_at=past)


def refusal(error: pytest.ExceptionInfo[Refusal]) -> str:
    return error.value.code


# --- holding -----------------------------------------------------------------------------------------------


def test_next_gives_the_first_and_then_nothing(review: Review, radiologist: User, colleague: User) -> None:
    taken = claim_next(by=radiologist, within=Review.objects.all())
    assert taken == review
    assert taken.is_held_by(radiologist)
    assert claim_next(by=colleague, within=Review.objects.all()) is None


def test_an_expired_lease_returns_to_the_same_place(review: Review, radiologist: User, colleague: User) -> None:
    claim_review(by=radiologist, review=review)
    lose(review)
    assert release_expired(Review.objects.all()) == 1
    returned = Review.objects.get(pk=review.pk)
    assert (returned.status, returned.reader, returned.due_at) == (S.WAITING, None, review.due_at)
    assert returned.transitions.last().note == "lease_ended"
    assert claim_next(by=colleague, within=Review.objects.all()) == review


def test_next_returns_what_others_lost(review: Review, radiologist: User, colleague: User) -> None:
    claim_review(by=radiologist, review=review)
    lose(review)
    assert claim_next(by=colleague, within=Review.objects.all()) == review


def test_a_heartbeat_keeps_it(review: Review, radiologist: User) -> None:
    claim_review(by=radiologist, review=review)
    Review.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=1))
    assert renew_claim(by=radiologist, review=review) > timezone.now() + timedelta(seconds=30)


def test_a_lost_lease_says_so(review: Review, radiologist: User, colleague: User) -> None:
    claim_review(by=radiologist, review=review)
    lose(review)
    claim_review(by=colleague, review=review)
    for act in (renew_claim, release_review):
        with pytest.raises(NotAllowedNow) as refused:
            act(by=radiologist, review=review)
        assert refused.value.sentence == policies.LEASE_LOST


def test_a_page_that_leaves_keeps_its_case_for_a_moment(review: Review, radiologist: User) -> None:
    claim_review(by=radiologist, review=review)
    leave_review(by=radiologist, review=review)
    assert Review.objects.get().lease_expires_at <= timezone.now() + LEAVING
    assert Review.objects.get().is_held_by(radiologist)
    renew_claim(by=radiologist, review=review)
    assert Review.objects.get().lease_expires_at > timezone.now() + LEAVING


def test_a_late_farewell_leaves_the_lease_of_the_page_that_followed(review: Review, radiologist: User) -> None:
    known = claim_review(by=radiologist, review=review).lease_expires_at
    until = renew_claim(by=radiologist, review=review)
    leave_review(by=radiologist, review=review, known_until=known)
    assert Review.objects.get().lease_expires_at == until
    leave_review(by=radiologist, review=review, known_until=until)
    assert Review.objects.get().lease_expires_at <= timezone.now() + LEAVING


def test_leaving_never_lengthens_a_lease(review: Review, radiologist: User) -> None:
    claim_review(by=radiologist, review=review)
    lose(review)
    leave_review(by=radiologist, review=review)
    assert Review.objects.get().lease_expires_at < timezone.now()


def test_what_another_holds_is_refused(review: Review, radiologist: User, colleague: User) -> None:
    claim_review(by=radiologist, review=review)
    with pytest.raises(NotAllowedNow) as refused:
        claim_review(by=colleague, review=review)
    assert refused.value.sentence == policies.TAKEN


@pytest.mark.parametrize("role", ["radiographer", "clinician", "administrator"])
def test_only_radiologists_claim(review: Review, member, role: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PermissionDenied):
        claim_review(by=member(role), review=review)


# --- words -------------------------------------------------------------------------------------------------


def test_a_draft_survives_a_lost_lease_and_is_its_readers_own(
    review: Review, radiologist: User, colleague: User
) -> None:
    claim_review(by=radiologist, review=review)
    lose(review)
    claim_review(by=colleague, review=review)
    save_draft(by=radiologist, review=review, content={"findings": "mine"})
    save_draft(by=colleague, review=review, content={"findings": "theirs"})
    assert {d.reader: d.content["findings"] for d in Draft.objects.all()} == {radiologist: "mine", colleague: "theirs"}


def test_a_farewell_that_comes_late_overwrites_nothing(review: Review, radiologist: User) -> None:
    opened = timezone.now()
    first, next_page = Written(opened, 3), Written(opened + timedelta(seconds=1), 1)
    save_draft(by=radiologist, review=review, content={"findings": "later"}, written=next_page)
    with pytest.raises(NotAllowedNow) as error:
        save_draft(by=radiologist, review=review, content={"findings": "earlier"}, written=first)
    assert refusal(error) == "newer_draft"
    assert Draft.objects.get().content == {"findings": "later"}


def test_requests_of_one_page_may_overtake_each_other(review: Review, radiologist: User) -> None:
    opened = timezone.now()
    save_draft(by=radiologist, review=review, content={"findings": "ab"}, written=Written(opened, 2))
    with pytest.raises(NotAllowedNow):
        save_draft(by=radiologist, review=review, content={"findings": "a"}, written=Written(opened, 1))
    save_draft(by=radiologist, review=review, content={"findings": "ab"}, written=Written(opened, 2))  # sent twice
    save_draft(by=radiologist, review=review, content={"findings": "abc"}, written=Written(opened, 3))
    assert Draft.objects.get().content == {"findings": "abc"}


@pytest.mark.parametrize("is_later", [True, False])
def test_two_first_saves_at_once_keep_what_was_typed_last(
    review: Review, radiologist: User, monkeypatch: pytest.MonkeyPatch, is_later: bool
) -> None:
    opened, create = timezone.now(), draft._create
    first, second = (Written(opened, turn) for turn in ((1, 2) if is_later else (2, 1)))

    def overtaken(**kept: Any) -> bool:
        monkeypatch.undo()
        save_draft(by=radiologist, review=review, content={"findings": "first to arrive"}, written=first)
        return create(**kept)

    monkeypatch.setattr(draft, "_create", overtaken)
    with nullcontext() if is_later else pytest.raises(NotAllowedNow):
        save_draft(by=radiologist, review=review, content={"findings": "second"}, written=second)
    assert Draft.objects.get().content == {"findings": "second" if is_later else "first to arrive"}


def test_a_page_without_scripts_always_has_its_words_kept(review: Review, radiologist: User) -> None:
    save_draft(by=radiologist, review=review, content={"findings": "a"}, written=Written(timezone.now(), 9))
    save_draft(by=radiologist, review=review, content={"findings": "b"})
    assert Draft.objects.get().content == {"findings": "b"}


def test_a_decision_after_a_lost_lease_is_refused_and_the_draft_stays(
    review: Review, radiologist: User, colleague: User
) -> None:
    held = claim_review(by=radiologist, review=review)
    save_draft(by=radiologist, review=review, content={"findings": "mine"})
    lose(review)
    claim_review(by=colleague, review=review)
    with pytest.raises(NotAllowedNow) as refused:
        decide_review(by=radiologist, review=held, decision=Decision.NO_RESULT, category=Category.NEGATIVE, **WORDS)
    assert refusal(refused) == "lease_lost"
    assert Draft.objects.get(reader=radiologist).content == {"findings": "mine"}
    assert not Report.objects.exists()


# --- deciding ----------------------------------------------------------------------------------------------


def test_a_decision_is_who_when_and_what_and_leads_to_a_report(review: Review, radiologist: User) -> None:
    result = finish(review.scan, 0.9)
    save_draft(by=radiologist, review=review, content={"findings": "x"})
    done = read(radiologist, review, decision="override", override_reason="artefact", category="atypical")
    assert (done.status, done.reader, done.decision) == (S.DECIDED, radiologist, "override")
    assert (done.analysis, done.claim, done.lease_expires_at) == (result, None, None)
    assert done.report.category == "atypical"
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    ("decision", "words", "code"),
    [
        ("no_result", {}, "decision_needed"),
        ("override", {}, "reason_needed"),
        ("agree", {"impression": " "}, "impression_needed"),
        ("agree", {"image_quality": ""}, "quality_needed"),
    ],
)
def test_half_a_decision_is_refused(
    review: Review, radiologist: User, decision: str, words: dict[str, str], code: str
) -> None:
    finish(review.scan, 0.9)
    with pytest.raises(Refusal) as refused:
        read(radiologist, review, decision=decision, **words)
    assert refusal(refused) == code
    assert Review.objects.get().status == S.CLAIMED


def test_agreeing_needs_a_result(review: Review, radiologist: User) -> None:
    with pytest.raises(Refusal) as refused:
        read(radiologist, review, decision="agree")
    assert refusal(refused) == "no_result"


def test_a_decision_on_a_result_that_was_replaced_is_refused(review: Review, radiologist: User) -> None:
    from diagnosis.actions.analysis import rerun_analysis

    seen = finish(review.scan, 0.9)
    rerun_analysis(by=radiologist, study=review.scan.study)
    finish(review.scan, 0.1)
    with pytest.raises(NotAllowedNow) as refused:
        read(radiologist, review, decision="agree", seen=seen.pk)
    assert refused.value.sentence == policies.RESULT_CHANGED


# --- studies -----------------------------------------------------------------------------------------------


@pytest.fixture
def slices(radiographer: User, patient: Patient) -> list[Scan]:
    """Three of one study, as the files say, and one of another."""
    files = [ct_dicom(seed=seed, instance_number=seed + 1) for seed in range(3)]
    files.append(ct_dicom(seed=9, acquired_at=datetime(2023, 5, 1, 9, tzinfo=UTC)))
    found = [upload_scan(by=radiographer, patient=patient, data=file, name="ct.dcm") for file in files]
    return [upload.scan for upload in found]


def test_a_study_is_read_once_however_many_images_it_has(slices: list[Scan], radiologist: User) -> None:
    assert Review.objects.count() == 2
    review = slices[1].reviews.get()
    assert review == slices[0].reviews.get() == slices[2].reviews.get()
    read(radiologist, review)
    assert slices[0].report == slices[2].report == review.report
    assert slices[3].reviews.get().status == S.WAITING


def test_an_image_that_comes_while_a_reader_holds_the_study_is_part_of_it(
    slices: list[Scan], radiographer: User, radiologist: User, patient: Patient
) -> None:
    review = claim_review(by=radiologist, review=slices[0].reviews.get())
    late = upload_scan(by=radiographer, patient=patient, data=ct_dicom(seed=20, instance_number=20), name="ct.dcm").scan
    assert late.reviews.get() == review


def test_an_image_that_comes_after_the_signature_opens_the_study_again(
    slices: list[Scan], radiographer: User, radiologist: User, patient: Patient
) -> None:
    from diagnosis.actions.report import sign_report

    report = sign_report(by=radiologist, report=read(radiologist, slices[0].reviews.get()).report, password=PASSWORD)
    signed = (report.content_sha256, report.images)
    assert signed[1] == [str(one.pk) for one in slices[:3]]
    late = upload_scan(by=radiographer, patient=patient, data=ct_dicom(seed=20, instance_number=20), name="ct.dcm").scan
    again = late.reviews.get(status=S.WAITING)
    read(radiologist, again)
    report.refresh_from_db()
    assert (report.content_sha256, report.images) == signed
    assert late.report == again.report != report
    assert report_content.is_intact(report)


def test_a_report_is_not_signed_while_images_wait_that_came_after_its_reading(
    slices: list[Scan], radiographer: User, radiologist: User, patient: Patient
) -> None:
    from diagnosis.actions.report import sign_report

    report = read(radiologist, slices[0].reviews.get()).report
    upload_scan(by=radiographer, patient=patient, data=ct_dicom(seed=20, instance_number=20), name="ct.dcm")
    with pytest.raises(NotAllowedNow) as refused:
        sign_report(by=radiologist, report=report, password=PASSWORD)
    assert refused.value.sentence == policies.IMAGES_CAME
    read(radiologist, slices[0].reviews.get(status=S.WAITING), impression="All four slices are clear.")
    report.refresh_from_db()
    assert sign_report(by=radiologist, report=report, password=PASSWORD).impression == "All four slices are clear."


def test_urgency_that_comes_with_a_later_image_is_the_studys(radiographer: User, patient: Patient) -> None:
    first = upload_scan(by=radiographer, patient=patient, data=ct_dicom(seed=1, instance_number=1), name="a").scan
    upload_scan(by=radiographer, patient=patient, data=ct_dicom(seed=2, instance_number=2), name="b", urgent=True)
    assert first.reviews.get().urgent


# --- second readings ---------------------------------------------------------------------------------------


def test_a_second_opinion_goes_to_another_reader(review: Review, radiologist: User, colleague: User) -> None:
    second = request_second_opinion(by=radiologist, review=read(radiologist, review))
    assert claim_next(by=radiologist, within=Review.objects.all()) is None
    with pytest.raises(NotAllowedNow) as refused:
        claim_review(by=radiologist, review=second)
    assert refused.value.sentence == policies.OWN_READING
    assert claim_next(by=colleague, within=Review.objects.all()) == second


def test_discordant_readings_go_to_an_arbiter_whose_words_count(
    review: Review,
    radiologist: User,
    colleague: User,
    member,  # type: ignore[no-untyped-def]
) -> None:
    second = request_second_opinion(by=radiologist, review=read(radiologist, review, category="negative"))
    read(colleague, second, category="typical")
    third = member("radiologist")
    for reader in (radiologist, colleague):
        assert claim_next(by=reader, within=Review.objects.all()) is None
    arbitration = claim_next(by=third, within=Review.objects.all())
    assert arbitration is not None
    assert arbitration.kind == ReviewKind.ARBITRATION
    read(third, arbitration, category="indeterminate")
    assert Report.objects.get().category == "indeterminate"
    assert Report.objects.get().written_by == third


def test_concordant_readings_need_no_arbiter(review: Review, radiologist: User, colleague: User) -> None:
    second = request_second_opinion(by=radiologist, review=read(radiologist, review))
    read(colleague, second)
    assert not Review.objects.open().exists()


@pytest.mark.parametrize(("percent", "seconds"), [(0, 0), (100, 1)])
def test_the_clinic_samples_cases_for_double_reading(
    review: Review, radiologist: User, clinic: Clinic, percent: int, seconds: int
) -> None:
    ReadingPolicy.objects.create(clinic=clinic, double_reading_percent=percent)
    read(radiologist, review)
    assert Review.objects.filter(kind=ReviewKind.SECOND).count() == seconds


# --- changed category_changes -----------------------------------------------------------------------------------------


def test_changed_minds_compares_first_impression_and_decision(
    radiographer: User, patient: Patient, radiologist: User, colleague: User
) -> None:
    cases = [new_case(radiographer, patient, seed) for seed in range(4)]
    for case, first, then in zip(
        cases, ["negative", "typical", "negative"], ["negative", "negative", "negative"], strict=False
    ):
        claim_review(by=radiologist, review=case)
        commit_first_impression(by=radiologist, review=case, category=Category(first))
        read(radiologist, case, category=then)
    read(radiologist, cases[3])  # without a first impression: not counted
    assert category_changes(Review.objects.all()) == CategoryChanges(changed=1, total=3)
    assert category_changes(Review.objects.filter(reader=colleague)) == CategoryChanges(0, 0)


def test_another_readers_impression_does_not_count(review: Review, radiologist: User, colleague: User) -> None:
    claim_review(by=colleague, review=review)
    commit_first_impression(by=colleague, review=review, category=Category.TYPICAL)
    release_review(by=colleague, review=review)
    read(radiologist, review)
    assert category_changes(Review.objects.all()).total == 0


def test_the_first_impression_stands(review: Review, radiologist: User) -> None:
    claim_review(by=radiologist, review=review)
    commit_first_impression(by=radiologist, review=review, category=Category.TYPICAL)
    with pytest.raises(NotAllowedNow) as refused:
        commit_first_impression(by=radiologist, review=review, category=Category.NEGATIVE)
    assert refused.value.sentence == policies.IMPRESSION_STANDS


@pytest.mark.parametrize(
    ("changed", "total", "low", "high"),
    # Wilson's interval as printed for these counts: 0 of 10, 5 of 10, 81 of 263 (Newcombe 1998, table I).
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_of_the_share(changed: int, total: int, low: float, high: float) -> None:
    assert CategoryChanges(changed, total).interval == pytest.approx((low, high), abs=5e-5)


def test_no_reading_has_no_share() -> None:
    assert CategoryChanges(0, 0).interval is None
