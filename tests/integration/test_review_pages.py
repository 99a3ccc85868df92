"""The reading room through its pages: queue, desk, blinding, notices, policies."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, Membership, User
from diagnosis.actions.review import claim_review, commit_first_impression, release_review, request_second_opinion
from diagnosis.models import Draft, Patient, ReadingPolicy, ReadingPreference, Report, Review
from diagnosis.models.notification import Notification
from diagnosis.models.review import Category
from diagnosis.states import ReviewStatus as S
from tests.factories import finish, new_case, new_patient, read

QUEUE = "/reading/"
TELLING = 0.8764
# What would tell of the result: its number however it is printed, its zone, its weight, the classifier's name.
TRACES = ("0.88", "0.8764", "87.6", "classifier-0", "pill-positive", "moved up by the result", "covid")
TRACES += ("panel-cxr", "pill-indeterminate", "pill-warning", "classifiers disagree", "outside the lungs", "vgg19-cxr")
COMPLETE = {
    "category": "typical",
    "decision": "agree",
    "image_quality": "good",
    "findings": "Opacities in both lower zones.",
    "impression": "Features often seen in COVID-19 pneumonia.",
}


@pytest.fixture
def review(radiographer: User, patient: Patient) -> Review:
    return new_case(radiographer, patient)


@pytest.fixture
def told(review: Review) -> Review:
    """With a result."""
    finish(review.scan, TELLING, 0.1, combined=TELLING)
    review.refresh_from_db()
    return review


@pytest.fixture
def site() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


Site = Callable[[User], Client]


def page(review: Review, name: str = "review") -> str:
    return reverse(f"diagnosis:{name}", args=[review.pk])


def traces(answer: Any) -> list[str]:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = body.decode(errors="replace")
    # The choices of the form name COVID-19 whatever the result; after a digit it is a moment: 10:20:30.88.
    text = text.replace("COVID", "")
    return [trace for trace in TRACES if re.search(rf"(?<![0-9]){re.escape(trace)}", text)]


# --- queue -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "status"), [("radiologist", 200), ("radiographer", 200), ("clinician", 200)])
def test_staff_see_the_queue(told: Review, site: Site, member: Any, role: str, status: int) -> None:
    answer = site(member(role)).get(QUEUE)
    assert answer.status_code == status
    assert "classifiers disagree" in answer.content.decode()
    assert ("Next case" in answer.content.decode()) == (role == "radiologist")


def test_a_stranger_sees_nothing_of_it(told: Review, site: Site, stranger: User) -> None:
    assert "Berg" not in site(stranger).get(QUEUE).content.decode()
    assert site(stranger).get(page(told)).status_code == 404
    assert site(stranger).post(page(told, "review-claim")).status_code == 404


def test_the_fragment_comes_only_when_it_changed(told: Review, site: Site, radiologist: User, member: Any) -> None:
    client = site(radiologist)
    first = client.get(QUEUE, headers={"X-Fragment": "1"})
    assert b"<html" not in first.content
    again = {"X-Fragment": "1", "If-None-Match": first["ETag"]}
    assert client.get(QUEUE, headers=again).status_code in (200, 304)  # a minute may have passed
    claim_review(by=member("radiologist"), review=told)
    changed = client.get(QUEUE, headers=again)
    assert changed.status_code == 200
    assert "Being read by" in changed.content.decode()


def test_an_unchanged_queue_answers_304(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    answers = []
    for _ in range(3):  # two of three fall into the same minute
        tag = client.get(QUEUE, headers={"X-Fragment": "1"})["ETag"]
        answers.append(client.get(QUEUE, headers={"X-Fragment": "1", "If-None-Match": tag}))
    assert 304 in [answer.status_code for answer in answers]
    assert all(not answer.content for answer in answers if answer.status_code == 304)


def test_an_expired_lease_returns_when_the_queue_is_looked_at(
    told: Review, site: Site, radiologist: User, clinician: User
) -> None:
    claim_review(by=radiologist, review=told)
    Review.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=20))
    assert "data-countdown" in site(clinician).get(QUEUE).content.decode()
    Review.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert "Being read by" not in site(clinician).get(QUEUE).content.decode()
    assert Review.objects.get().status == S.WAITING


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("modality=cxr", True),
        ("modality=ct", False),
        ("zone=above", True),
        ("zone=below", False),
        ("zone=split", False),
        ("zone=none", False),
        ("age=senior", True),
        ("age=child", False),
        ("kind=first", True),
        ("kind=second", False),
        ("mine=on", False),
        ("zone=nonsense&modality=nonsense", True),
    ],
)
def test_filters(told: Review, site: Site, radiologist: User, query: str, found: bool) -> None:
    client = site(radiologist)
    assert ("Berg" in client.get(f"{QUEUE}?{query}").content.decode()) == found
    # "Next case" stays within them.
    fields = dict(part.split("=") for part in query.split("&"))
    client.post("/reading/next/", fields)
    assert Review.objects.held_by(radiologist).exists() == found


def test_mine_finds_drafts_too(told: Review, site: Site, radiologist: User) -> None:
    Draft.objects.create(review=told, reader=radiologist, content={"findings": "x"})
    assert "Berg" in site(radiologist).get(f"{QUEUE}?mine=on").content.decode()


def test_a_reader_of_two_clinics_chooses_between_their_queues(
    told: Review, site: Site, radiologist: User, other_clinic: Clinic, stranger: User
) -> None:
    Membership.objects.create(user=radiologist, clinic=other_clinic, role="radiologist")
    theirs = new_case(stranger, new_patient(other_clinic, stranger, "ELSEWHERE"), 1)
    client = site(radiologist)
    here, there, both = (client.get(f"{QUEUE}?clinic={c}").content.decode() for c in ("", other_clinic.pk, "all"))
    assert [("Berg" in shown, "ELSEWHERE" in shown) for shown in (here, there, both)] == [
        (True, False),
        (False, True),
        (True, True),
    ]
    client.post("/reading/next/", {"clinic": str(other_clinic.pk)})
    assert theirs.pk == Review.objects.held_by(radiologist).get().pk


def test_pages_follow_one_another_without_gap_or_overlap(
    site: Site, radiologist: User, radiographer: User, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnosis.views.review.queue.REVIEWS_A_PAGE", 2)
    for number in range(5):
        new_case(radiographer, new_patient(clinic, radiographer, f"N{number}"), number)
    client, address, seen = site(radiologist), QUEUE, []
    while address:
        text = client.get(address).content.decode()
        seen += re.findall(r"row\">\s*FamilyN(\d)\s", text)
        further = re.search(r'href="(\?[^"]*after=[^"]*)"', text)
        address = QUEUE + further[1].replace("&amp;", "&") if further else ""
    assert seen == ["0", "1", "2", "3", "4"]


def test_the_address_of_the_next_page_tells_nothing_of_the_result(
    told: Review, site: Site, radiologist: User, radiographer: User, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnosis.views.review.queue.REVIEWS_A_PAGE", 1)
    new_case(radiographer, patient, 1)
    further = re.search(r"after=([^\"&]+)", site(radiologist).get(QUEUE).content.decode())
    assert further
    assert further[1] == str(told.pk)


def test_the_number_of_queries_does_not_grow_with_the_queue(
    site: Site, radiologist: User, radiographer: User, clinic: Clinic, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        new_case(radiographer, new_patient(clinic, radiographer, f"N{number}"), number)
    client = site(radiologist)
    client.get(QUEUE)
    with django_assert_max_num_queries(23):
        client.get(QUEUE)


def test_urgent_is_set_from_the_queue(told: Review, site: Site, radiographer: User) -> None:
    answer = site(radiographer).post(page(told, "review-urgent"), {"urgent": "1", "modality": "cxr"})
    assert answer["Location"] == f"{QUEUE}?modality=cxr"
    assert Review.objects.get().urgent


# --- desk --------------------------------------------------------------------------------------------------


def test_next_opens_a_case_and_a_colleague_gets_another(
    told: Review, site: Site, radiologist: User, member: Any, radiographer: User, patient: Patient
) -> None:
    other = new_case(radiographer, patient, 1)
    addresses = {site(reader).post("/reading/next/")["Location"] for reader in (radiologist, member("radiologist"))}
    assert addresses == {page(told), page(other)}


def test_a_whole_reading_through_the_pages(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    address = client.post("/reading/next/")["Location"]
    shown = client.get(address).content.decode()
    assert "87.6" in shown
    assert "To agree means that you see this pattern too" in shown
    assert client.post(page(told, "review-draft"), {"findings": "so far"}).json()["saved_at"]
    assert "so far" in client.get(address).content.decode()
    done = client.post(page(told, "review-decide"), {**COMPLETE, "is_key_image": "on", "ask_second": "on"})
    assert done["Location"] == page(told)
    report = Report.objects.get()
    assert (report.findings, report.is_key_image) == ("Opacities in both lower zones.", True)
    assert [(r.kind, r.status) for r in Review.objects.order_by("kind")] == [
        ("first", S.DECIDED),
        ("second", S.WAITING),
    ]
    assert "Features often seen in COVID-19 pneumonia." in client.get(page(told)).content.decode()


def test_deciding_goes_on_within_the_filters(
    told: Review, site: Site, radiologist: User, radiographer: User, patient: Patient
) -> None:
    other = new_case(radiographer, patient, 1)
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    sent = {**COMPLETE, "go_on": "on", "modality": "cxr"}
    assert client.post(page(told, "review-decide"), sent)["Location"] == f"{page(other)}?modality=cxr"
    assert Review.objects.held_by(radiologist).get() == other


def test_half_a_reading_comes_back_with_its_words(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    answer = client.post(page(told, "review-decide"), {**COMPLETE, "decision": "", "findings": "kept words"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Say whether you agree" in text
    assert "kept words" in text
    assert Draft.objects.get().content["findings"] == "kept words"


def test_an_override_says_why(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    refused = client.post(page(told, "review-decide"), {**COMPLETE, "category": "negative", "decision": "override"})
    assert refused.status_code == 400
    assert "Say why you override" in refused.content.decode()
    sent = {**COMPLETE, "category": "negative", "decision": "override", "override_reason": "artefact"}
    assert client.post(page(told, "review-decide"), sent).status_code == 302
    assert Review.objects.get().override_reason == "artefact"


def test_a_reason_without_an_override_is_dropped(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    client.post(page(told, "review-decide"), {**COMPLETE, "override_reason": "artefact", "override_note": "x"})
    assert (Review.objects.get().decision, Review.objects.get().override_note) == ("agree", "")


def test_a_contradiction_is_asked_about_once(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    assert "contradiction_reason" not in client.get(page(told)).content.decode()
    asked = client.post(page(told, "review-decide"), {**COMPLETE, "category": "negative"})
    text = asked.content.decode()
    assert (asked.status_code, Review.objects.get().status) == (409, S.CLAIMED)
    assert "contradicts the classifiers&#x27; result, but you agree" in text
    assert 'name="contradiction_reason"' in text
    assert "Opacities in both lower zones." in text
    said = {**COMPLETE, "category": "negative", "contradiction_reason": "Known scar, seen by both."}
    assert client.post(page(told, "review-decide"), said).status_code == 302
    decided = Review.objects.get()
    assert (decided.agreement, decided.contradiction_reason) == ("differs", "Known scar, seen by both.")
    assert "Known scar, seen by both." in client.get(page(told)).content.decode()


def test_a_script_is_told_of_a_contradiction_by_code(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    sent = {**COMPLETE, "category": "negative"}
    refused = client.post(page(told, "review-decide"), sent, headers={"X-Fragment": "1"})
    assert (refused.status_code, refused.json()["code"]) == (409, "contradiction")


def test_a_decision_after_the_lease_was_lost_keeps_the_words(
    told: Review, site: Site, radiologist: User, member: Any
) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    Review.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    claim_review(by=member("radiologist"), review=told)
    answer = client.post(page(told, "review-decide"), {**COMPLETE, "findings": "kept words"}, follow=True)
    assert "Your draft is kept" in answer.content.decode()
    assert "has been reading this case" in answer.content.decode()
    assert Draft.objects.get(reader=radiologist).content["findings"] == "kept words"
    assert client.post(page(told, "review-renew")).status_code == 409


def test_leaving_keeps_the_last_words_and_shortens_the_lease(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    assert client.post(page(told, "review-leave"), {"findings": "last words"}).status_code == 204
    assert Draft.objects.get().content == {"findings": "last words"}
    assert Review.objects.get().lease_expires_at < timezone.now() + timedelta(seconds=11)
    client.get(page(told))  # back again
    assert Review.objects.get().lease_expires_at > timezone.now() + timedelta(seconds=30)


def test_a_farewell_that_a_later_page_overtook_gives_nothing_back(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    known = client.post(page(told, "review-renew")).json()["until"]
    client.get(page(told))
    assert client.post(page(told, "review-leave"), {"until": known}).status_code == 204
    assert Review.objects.get().lease_expires_at > timezone.now() + timedelta(seconds=30)
    client.post(page(told, "review-leave"), {"until": "nonsense"})
    assert Review.objects.get().lease_expires_at < timezone.now() + timedelta(seconds=11)


def test_leaving_without_a_word_leaves_no_draft(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    client.post(page(told, "review-leave"))
    assert not Draft.objects.exists()


def test_giving_back(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    assert client.post(page(told, "review-release"), {"impression": "half"})["Location"] == QUEUE
    assert Review.objects.get().status == S.WAITING
    assert "Take this case" in client.get(page(told)).content.decode()


@pytest.mark.parametrize("role", ["radiographer", "clinician", "administrator"])
def test_only_readers_sit_at_the_desk(told: Review, site: Site, member: Any, role: str) -> None:
    client = site(member(role))
    for name in ("review-claim", "review-decide", "review-renew", "review-draft", "review-impression"):
        assert client.post(page(told, name)).status_code == 403
    assert client.get(page(told)).status_code == 403
    assert client.post("/reading/next/").status_code == 403


def test_neighbours_name_pictures_and_claim_nothing(
    told: Review, site: Site, radiologist: User, radiographer: User, patient: Patient
) -> None:
    other = new_case(radiographer, patient, 1)
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    images = client.get(page(told, "review-neighbours")).json()["images"]
    assert images == [reverse("diagnosis:scan-greyscale", args=[other.scan.pk])]
    assert Review.objects.get(pk=other.pk).status == S.WAITING


# --- read first --------------------------------------------------------------------------------------------


@pytest.fixture
def reads_first(clinic: Clinic) -> ReadingPolicy:
    return ReadingPolicy.objects.create(clinic=clinic, read_first="always")


def everywhere(review: Review) -> list[str]:
    """Every address that shows something of the scan."""
    scan, patient = review.scan.pk, review.scan.patient_id
    analysis = review.scan.analyses.get()
    return [
        QUEUE,
        "/desk/",
        "/scans/",
        f"/scans/progress/?id={scan}",
        f"/scans/{scan}/",
        f"/scans/{scan}/result/",
        f"/studies/{review.study_id}/",
        f"/studies/{review.study_id}/result/",
        f"/scans/{scan}/viewer",
        f"/scans/{scan}/view/",
        f"/scans/{scan}/slices",
        f"/scans/{scan}/slices/scores",
        f"/patients/{patient}/",
        f"/analyses/{analysis.pk}/",
        page(review),
        page(review, "review-result"),
        page(review, "review-neighbours"),
        "/notifications/",
        f"/api/v1/scans/{scan}/",
        f"/api/v1/analyses/{analysis.pk}/",
        f"/api/v1/patients/{patient}/history/",
    ]


def test_no_address_tells_the_result_before_the_first_impression(
    told: Review, reads_first: ReadingPolicy, site: Site, radiologist: User
) -> None:
    client = site(radiologist)
    before = {address: traces(client.get(address)) for address in everywhere(told)}
    client.post(page(told, "review-claim"))
    held = {address: traces(client.get(address)) for address in everywhere(told)}
    assert not any(before.values()), before
    assert not any(held.values()), held
    attention = reverse("diagnosis:prediction-attention", args=[told.scan.analyses.get().predictions.first().pk])
    assert client.get(attention).status_code == 403
    for sort in ("zone=above", "zone=below"):  # no filter that would find it out
        assert "Berg" in client.get(f"{QUEUE}?{sort}").content.decode()


def test_the_same_addresses_tell_it_to_who_does_not_read_first(told: Review, site: Site, radiologist: User) -> None:
    """So that the test above cannot pass for nothing."""
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    telling = [address for address in everywhere(told) if traces(client.get(address))]
    assert len(telling) >= 10, telling


def test_the_first_impression_brings_the_result(
    told: Review, reads_first: ReadingPolicy, site: Site, radiologist: User
) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    refused = client.post(page(told, "review-decide"), COMPLETE)
    assert refused.status_code in (409, 422)
    assert Review.objects.get().status == S.CLAIMED
    answer = client.post(page(told, "review-impression"), {"category": "typical"}, headers={"X-Fragment": "1"})
    assert answer.status_code == 200
    assert "87.6" in answer.content.decode()
    assert b"<html" not in answer.content
    overridden = {"category": "negative", "decision": "override", "override_reason": "false_positive"}
    assert client.post(page(told, "review-decide"), COMPLETE | overridden).status_code == 302
    first = Review.objects.get().first_impressions.get()
    assert (first.category, Review.objects.get().category) == ("typical", "negative")


def test_a_first_impression_needs_a_category_and_stands(
    told: Review, reads_first: ReadingPolicy, site: Site, radiologist: User
) -> None:
    client = site(radiologist)
    client.post(page(told, "review-claim"))
    answer = client.post(page(told, "review-impression"), {}, headers={"X-Fragment": "1"})
    assert answer.status_code == 400
    assert "Choose a category" in answer.json()["sentence"]
    claim_review(by=radiologist, review=told)
    commit_first_impression(by=radiologist, review=told, category=Category.TYPICAL)
    again = client.post(page(told, "review-impression"), {"category": "negative"}, headers={"X-Fragment": "1"})
    assert again.status_code == 409


# --- double reading ----------------------------------------------------------------------------------------


WORDS_OF_THE_FIRST = "Unmistakable words of the first reader"


def test_a_second_reader_finds_the_first_reading_nowhere(
    told: Review, site: Site, radiologist: User, member: Any
) -> None:
    first = read(radiologist, told, decision="override", override_reason="artefact", impression=WORDS_OF_THE_FIRST)
    second = request_second_opinion(by=radiologist, review=first)
    report = Report.objects.get()
    colleague = member("radiologist")
    client = site(colleague)
    addresses = [*everywhere(told), *everywhere(second), *(f"/reports/{report.pk}/{part}" for part in ("", "pdf/"))]

    def seen() -> list[str]:
        return [address for address in addresses if WORDS_OF_THE_FIRST in client.get(address).content.decode("latin-1")]

    assert seen() == []
    claim_review(by=colleague, review=second)
    assert seen() == []
    read(colleague, second, decision="agree", category="negative")
    assert page(told) in seen()


def test_an_arbiter_sees_both(told: Review, site: Site, radiologist: User, member: Any) -> None:
    second_reader, arbiter = member("radiologist"), member("radiologist")
    first = read(radiologist, told, decision="override", override_reason="artefact", impression=WORDS_OF_THE_FIRST)
    second = request_second_opinion(by=radiologist, review=first)
    read(second_reader, second, decision="agree", category="typical", impression="Words of the second")
    arbitration = claim_review(by=arbiter, review=Review.objects.get(kind="arbitration"))
    shown = site(arbiter).get(page(arbitration)).content.decode()
    assert WORDS_OF_THE_FIRST in shown
    assert "Words of the second" in shown
    release_review(by=arbiter, review=arbitration)


# --- choices and notices -----------------------------------------------------------------------------------


def test_a_person_keeps_their_choices(site: Site, radiologist: User) -> None:
    site(radiologist).post("/reading/preferences/", {"read_first": "on"})
    kept = ReadingPreference.of(radiologist)
    assert (kept.read_first, kept.mail_results) == (True, False)


def test_an_administrator_changes_how_the_clinic_reads(
    told: Review, site: Site, administrator: User, radiologist: User, clinic: Clinic
) -> None:
    sent = {
        "read_first": "never",
        "double_reading_percent": "10",
        "urgent_hours": "24",
        "referrer_hours": "0",
        "suspicion_hours": "0",
        "disagreement_hours": "0",
        "critical_minutes": "60",
        "hide_until_read": "on",
        "requires_acceptance": "on",
        "abnormal_percent": "40",
        "covid_percent": "2.5",
    }
    assert site(radiologist).get("/reading/policy/").status_code == 403
    assert site(radiologist).post("/reading/policy/", sent).status_code == 403
    before = told.due_at
    answer = site(administrator).post("/reading/policy/", sent, follow=True)
    assert "1 open case was reordered" in answer.content.decode()
    assert Review.objects.get().due_at > before
    assert site(administrator).post("/reading/policy/", {**sent, "double_reading_percent": "101"}).status_code == 422
    kept = ReadingPolicy.objects.get()
    assert (kept.double_reading_percent, kept.hide_until_read, kept.show_research_only) == (10, True, False)
    assert (kept.abnormal_percent, kept.covid_percent, kept.requires_acceptance) == (40, 2.5, True)


def test_the_uploader_is_told_in_the_page(told: Review, site: Site, radiographer: User, radiologist: User) -> None:
    client = site(radiographer)
    assert client.get("/notifications/unread/").json() == {"unread": 1, "shown": "1"}
    assert "Notices, 1 new" in client.get("/desk/").content.decode()
    assert "A result is ready" in client.get("/notifications/").content.decode()
    notice = Notification.objects.get()
    assert client.post(f"/notifications/{notice.pk}/")["Location"] == f"/studies/{told.study_id}/"
    assert client.get("/notifications/unread/").json() == {"unread": 0, "shown": "0"}
    assert site(radiologist).post(f"/notifications/{notice.pk}/").status_code == 404


def test_all_notices_are_read_at_once(told: Review, site: Site, radiographer: User) -> None:
    client = site(radiographer)
    client.post("/notifications/read/")
    assert client.get("/notifications/unread/").json() == {"unread": 0, "shown": "0"}


def test_a_notice_from_before_there_were_studies_leads_to_its_image(
    told: Review, site: Site, radiographer: User
) -> None:
    notice = Notification.objects.get()
    Notification.objects.update(image=told.scan)
    assert site(radiographer).post(f"/notifications/{notice.pk}/")["Location"] == f"/scans/{told.scan.pk}/"


def test_notices_go_on_where_a_page_ends_and_the_bell_counts_a_few(
    told: Review, site: Site, radiographer: User
) -> None:
    more = [Notification(recipient=radiographer, study=told.study, kind="result") for _ in range(100)]
    Notification.objects.bulk_create(more)
    client = site(radiographer)
    assert client.get("/notifications/unread/").json() == {"unread": 99, "shown": "99+"}
    assert "Notices, 99+ new" in client.get("/desk/").content.decode()
    first = client.get("/notifications/").context["page"]
    second = client.get("/notifications/", {"cursor": first.next}).context["page"]
    assert len(first) == len(second) == 30
    assert {notice.pk for notice in first}.isdisjoint({notice.pk for notice in second})


# --- ways in and on ----------------------------------------------------------------------------------------


def test_the_scans_page_leads_to_its_reading(told: Review, site: Site, radiologist: User, clinician: User) -> None:
    scan_page = f"/scans/{told.scan.pk}/"
    assert "Read it now" in site(radiologist).get(scan_page).content.decode()
    assert "Read it now" not in site(clinician).get(scan_page).content.decode()
    assert "waiting in the queue" in site(clinician).get(scan_page).content.decode()
    claim_review(by=radiologist, review=told)
    assert "Continue reading" in site(radiologist).get(scan_page).content.decode()
    read(radiologist, told, decision="agree")
    assert f"/reports/{Report.objects.get().pk}/" in site(clinician).get(scan_page).content.decode()


def test_unsigned_reports_are_listed_for_their_reader(told: Review, site: Site, radiologist: User, member: Any) -> None:
    read(radiologist, told, decision="agree")
    assert "To sign (1)" in site(radiologist).get(QUEUE).content.decode()
    assert "Berg" in site(radiologist).get("/reading/unsigned/").content.decode()
    assert "Nothing to sign" in site(member("radiologist")).get("/reading/unsigned/").content.decode()


def test_a_second_opinion_is_asked_for_once(told: Review, site: Site, radiologist: User) -> None:
    client = site(radiologist)
    read(radiologist, told, decision="agree")
    assert "Ask for a second opinion" in client.get(page(told)).content.decode()
    client.post(page(told, "review-second"))
    assert "another reader" in client.get(QUEUE).content.decode()
    again = client.post(page(told, "review-second"), follow=True)
    assert "already asked for" in again.content.decode()
    assert Review.objects.filter(kind="second").count() == 1
