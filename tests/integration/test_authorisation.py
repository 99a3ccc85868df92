"""A report in two steps: a radiologist in training drafts it, a radiologist authorises it or sends it back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from diagnosis.actions.authorisation import authorise_report, hand_over, send_back, take_back
from diagnosis.actions.report import revise_report, sign_report
from diagnosis.actions.review import claim_review, request_second_opinion
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Notification, Patient, Report, Review
from diagnosis.reports import content as report_content
from diagnosis.reports.pdf.content import printed
from diagnosis.reviews.authorisation import own_drafts, to_authorise
from diagnosis.states import ReportStanding
from diagnosis.views.review.unsigned import unsigned
from tests.conftest import PASSWORD
from tests.factories import new_case, read

pytestmark = pytest.mark.django_db
SECTIONS = {"indication": "", "technique": "", "comparison": ""}


@pytest.fixture
def trainee(member: Callable[..., User]) -> User:
    return member("trainee")


@pytest.fixture
def draft(radiographer: User, trainee: User, patient: Patient) -> Report:
    return read(trainee, new_case(radiographer, patient), findings="Clear\nlungs.").report


@pytest.fixture
def waiting(draft: Report, trainee: User) -> Report:
    return hand_over(by=trainee, report=draft)


def when(report: Report) -> dt.datetime:
    assert report.handed_over_at
    return report.handed_over_at


def authorise(by: User, report: Report, **words: Any) -> Report:
    return authorise_report(by=by, report=report, seen=when(report), password=PASSWORD, **words)


def at(report: Report, name: str) -> str:
    return reverse(f"diagnosis:report-{name}", args=[report.pk])


# --- the steps ---------------------------------------------------------------------------------------------
def test_who_drafts_does_not_sign(draft: Report, trainee: User, radiologist: User) -> None:
    with pytest.raises(PermissionDenied):
        sign_report(by=trainee, report=draft, password=PASSWORD)
    with pytest.raises(PermissionDenied):
        authorise_report(by=trainee, report=draft, seen=dt.datetime.now(dt.UTC), password=PASSWORD)
    with pytest.raises(NotAllowedNow, match="has not handed this report over"):
        sign_report(by=radiologist, report=draft, password=PASSWORD)
    with pytest.raises(NotAllowedNow, match="has not handed this report over"):
        authorise_report(by=radiologist, report=draft, seen=dt.datetime.now(dt.UTC), password=PASSWORD)


def test_both_names_stand_on_what_is_authorised(waiting: Report, trainee: User, radiologist: User) -> None:
    assert (waiting.standing, waiting.status) == (ReportStanding.HANDED_OVER, "preliminary")
    assert trainee.full_name in printed(waiting).signature
    final = authorise(radiologist, waiting, findings="Clear\r\nlungs.")
    assert (final.author_name, final.signer_name) == (trainee.full_name, radiologist.full_name)
    assert (final.written_by, final.signed_by, final.standing) == (trainee, radiologist, ReportStanding.FINAL)
    assert report_content.is_intact(final) and "drafted" not in final.snapshot
    assert f"Drafted by {trainee.full_name}, authorised electronically by {radiologist.full_name}" in (
        printed(final).signature
    )
    assert [note.kind for note in Notification.objects.filter(recipient=trainee)] == ["author"]


def test_what_was_changed_is_signed_with_what_the_author_had_written(
    client: Client, waiting: Report, radiologist: User
) -> None:
    final = authorise(radiologist, waiting, findings="Small nodule.", impression="Nodule.")
    assert (final.findings, final.category) == ("Small nodule.", waiting.category)
    assert final.snapshot["drafted"]["findings"] == "Clear\nlungs." and "changed and authorised" in (
        printed(final).signature
    )
    assert report_content.is_intact(final)
    client.force_login(radiologist)
    page = client.get(at(final, "detail")).content.decode()
    assert "What the author had written" in page and "Clear<br>lungs." in page
    final.snapshot["drafted"]["findings"] = "Forged."
    assert not report_content.is_intact(final)


def test_another_category_is_sent_back_and_not_signed(waiting: Report, radiologist: User) -> None:
    with pytest.raises(Refusal) as refused:
        authorise(radiologist, waiting, category="atypical")
    assert refused.value.code == "category_stays"
    assert Report.objects.get().standing == ReportStanding.HANDED_OVER


def test_the_state_is_asked_of_the_row_that_changes(draft: Report, trainee: User) -> None:
    """A join moves the condition into a subquery, which PostgreSQL does not ask again after it waited for the row."""
    with CaptureQueriesContext(connection) as asked:
        take_back(by=trainee, report=hand_over(by=trainee, report=draft))
    changes = [query["sql"] for query in asked if query["sql"].startswith('UPDATE "diagnosis_report" SET "handed_over')]
    assert len(changes) == 2
    for change in changes:
        assert 'WHERE ("diagnosis_report"."' in change and "JOIN" not in change


def test_handed_over_words_stand_still_until_they_are_taken_back(waiting: Report, trainee: User) -> None:
    with pytest.raises(NotAllowedNow, match="Take it back"):
        revise_report(by=trainee, report=waiting, findings="", impression="Other.")
    with pytest.raises(NotAllowedNow, match="handed this report over"):
        hand_over(by=trainee, report=waiting)
    take_back(by=trainee, report=waiting)
    revised = revise_report(by=trainee, report=waiting, findings="", impression="Other.")
    assert (revised.impression, revised.standing) == ("Other.", ReportStanding.PRELIMINARY)
    assert [step.note for step in revised.transitions.order_by("id")][1:] == ["handed_over", "withdrawn_by_author"]


def test_what_comes_back_says_why_and_its_author_is_told(waiting: Report, trainee: User, radiologist: User) -> None:
    shown = when(waiting)
    with pytest.raises(Refusal, match="Say what"):
        send_back(by=radiologist, report=waiting, seen=shown, comment=" ")
    send_back(by=radiologist, report=waiting, seen=shown, comment="Compare with 2024.")
    assert (waiting.return_comment, waiting.returned_by, waiting.handed_over_at) == (
        "Compare with 2024.",
        radiologist,
        None,
    )
    assert "Compare with 2024." in waiting.transitions.order_by("id").last().note_text
    assert [note.kind for note in Notification.objects.filter(recipient=trainee)] == ["returned"]
    with pytest.raises(NotAllowedNow):
        send_back(by=radiologist, report=waiting, seen=shown, comment="Again.")
    assert hand_over(by=trainee, report=waiting).return_comment == ""


def test_what_changed_since_it_was_shown_is_neither_authorised_nor_sent_back(
    waiting: Report, trainee: User, radiologist: User
) -> None:
    shown = when(waiting)
    take_back(by=trainee, report=waiting)
    revise_report(by=trainee, report=waiting, findings="", impression="Other.")
    hand_over(by=trainee, report=waiting)
    with pytest.raises(NotAllowedNow, match="changed while"):
        authorise_report(by=radiologist, report=waiting, seen=shown, password=PASSWORD)
    with pytest.raises(NotAllowedNow):
        send_back(by=radiologist, report=waiting, seen=shown, comment="Of words that are gone.")
    assert authorise(radiologist, waiting).impression == "Other."
    for late in (lambda: take_back(by=trainee, report=waiting), lambda: authorise(radiologist, waiting)):
        with pytest.raises(NotAllowedNow):
            late()


def test_who_signs_has_nothing_to_hand_over(radiographer: User, radiologist: User, patient: Patient) -> None:
    own = read(radiologist, new_case(radiographer, patient)).report
    with pytest.raises(NotAllowedNow, match="sign this report yourself"):
        hand_over(by=radiologist, report=own)


def test_a_later_readers_words_are_not_handed_over(
    waiting: Report, trainee: User, radiologist: User, member: Callable[..., User]
) -> None:
    request_second_opinion(by=radiologist, review=waiting.reading)
    with pytest.raises(NotAllowedNow, match="second reading"):
        authorise(radiologist, waiting)
    read(member("radiologist"), Review.objects.open().get(), category="typical")
    arbiter = member("radiologist")
    report = read(arbiter, Review.objects.open().get(), category="typical").report
    assert (report.pk, report.handed_over_at, report.written_by) == (waiting.pk, None, arbiter)
    assert sign_report(by=arbiter, report=report, password=PASSWORD).author_name == arbiter.full_name


# --- who reads what ----------------------------------------------------------------------------------------
def test_further_opinions_are_for_those_who_sign(
    radiographer: User, radiologist: User, trainee: User, patient: Patient
) -> None:
    review = read(radiologist, new_case(radiographer, patient))
    second = request_second_opinion(by=radiologist, review=review)
    with pytest.raises(NotAllowedNow, match="for radiologists who sign"):
        claim_review(by=trainee, review=second)


def test_each_list_holds_what_the_person_can_act_on(
    draft: Report, trainee: User, radiologist: User, stranger: User, member: Callable[..., User]
) -> None:
    assert ([*own_drafts(trainee)], [*to_authorise(radiologist)], [*unsigned(trainee)]) == ([draft], [], [])
    hand_over(by=trainee, report=draft)
    assert [*to_authorise(radiologist)] == [draft] == [*own_drafts(trainee)]
    assert [*to_authorise(stranger)] == [] == [*to_authorise(trainee)]
    request_second_opinion(by=radiologist, review=draft.reading)
    assert [*to_authorise(member("radiologist"))] == []  # who may still give the second opinion does not read the first


# --- the pages ---------------------------------------------------------------------------------------------
def test_the_pages_lead_from_the_draft_to_the_signature(
    client: Client, radiographer: User, trainee: User, radiologist: User, patient: Patient
) -> None:
    review = new_case(radiographer, patient)
    claim_review(by=trainee, review=review)
    client.force_login(trainee)
    page = client.get(reverse("diagnosis:review", args=[review.pk])).content.decode()
    assert "decide-and-hand-over" in page and "decide-and-sign" not in page
    sent = {"category": "negative", "decision": "no_result", "image_quality": "good", "impression": "Clear."}
    client.post(reverse("diagnosis:review-decide", args=[review.pk]), sent | {"hand_over": "1"})
    report = Report.objects.get()
    assert report.standing == ReportStanding.HANDED_OVER
    assert "Take the report back" in client.get(at(report, "detail")).content.decode()
    assert client.post(at(report, "authorise")).status_code == 400
    complete = sent | {"seen": when(report).isoformat(), "password": PASSWORD, **SECTIONS}
    assert client.post(at(report, "authorise"), complete).status_code == 403

    client.force_login(radiologist)
    assert "To authorise (1)" in client.get(reverse("diagnosis:queue")).content.decode()
    assert patient.name in client.get(reverse("diagnosis:reading-authorisation")).content.decode()
    page = client.get(at(report, "detail")).content.decode()
    assert page.count('name="seen"') == 2
    assert client.post(at(report, "send-back"), {"comment": "Of words that nobody saw."}).status_code == 400
    assert f'value="{when(report).isoformat()}"' in page and "Send the report back" in page
    assert "not your password" in client.post(at(report, "authorise"), complete | {"password": "x"}).content.decode()
    assert client.post(at(report, "authorise"), complete).status_code == 302
    report = Report.objects.get()
    assert report.is_final and "drafted" not in report.snapshot

    client.logout()
    verified = client.get(reverse("diagnosis:report-verify", args=[report.verification_code])).content.decode()
    assert "unaltered" in verified
    assert not any(name in verified for name in (trainee.full_name, radiologist.full_name, patient.name))


def test_a_clinic_without_trainees_sees_nothing_new(
    client: Client, radiographer: User, radiologist: User, patient: Patient
) -> None:
    report = read(radiologist, new_case(radiographer, patient)).report
    client.force_login(radiologist)
    for page in (reverse("diagnosis:queue"), at(report, "detail")):
        words = client.get(page).content.decode()
        assert "uthorise" not in words and "hand over" not in words.lower() and "My drafts" not in words
