"""Readings and reports as programs see them, and who may not see them yet."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from diagnosis.actions.report import add_addendum, sign_report
from diagnosis.actions.review import claim_review, request_second_opinion
from diagnosis.models import Report, Review, Scan
from diagnosis.rules import blinding
from tests.conftest import PASSWORD
from tests.factories import finish, read
from tests.integration.api.conftest import Api
from tests.pages import queries

REVIEWS, REPORTS = "/api/v1/reviews/", "/api/v1/reports/"
WORDS = "Nothing but a telling impression."


def decided(scan: Scan, by: User) -> Review:
    finish(scan, 0.9)
    return read(by, scan.reviews.get(), decision="agree", category="typical", impression=WORDS)


@pytest.fixture
def review(scan: Scan, radiologist: User) -> Review:
    return decided(scan, radiologist)


def test_a_reading_is_told_once_it_is_decided(scan: Scan, radiologist: User, api: Api) -> None:
    client, waiting = api(radiologist), scan.reviews.get()
    address = f"{REVIEWS}{waiting.pk}/"
    told = client.get(address).json()
    assert (told["status"], told["reader"], told["reading"]) == ("waiting", None, None)
    decided(scan, radiologist)
    told = client.get(address).json()
    assert (told["status"], told["kind"], told["reader"]) == ("decided", "first", radiologist.full_name)
    assert (told["study"], told["reading_hidden"]) == (str(scan.study_id), False)
    reading = told["reading"]
    assert (reading["category"], reading["impression"], reading["decision"]) == ("typical", WORDS, "agree")
    assert reading["analysis"] == str(scan.analyses.get().pk)
    assert client.get(REVIEWS).json()["results"] == [told]
    assert client.get(told["links"]["reports"]).json()["results"][0]["impression"] == WORDS


@pytest.mark.parametrize("role", ["radiographer", "clinician", "administrator"])
def test_readings_are_for_people_who_read(review: Review, member: Callable[..., User], api: Api, role: str) -> None:
    """As on the pages. The report is what they may see."""
    client = api(member(role))
    for address in (REVIEWS, f"{REVIEWS}{review.pk}/"):
        answer = client.get(address)
        assert answer.status_code == 403
        assert "does not allow you to review scans" in answer.json()["detail"]
    assert client.get(REPORTS).json()["results"][0]["impression"] == WORDS


def test_a_signed_report_tells_all_that_proves_it(review: Review, radiologist: User, clinician: User, api: Api) -> None:
    client, report = api(clinician), Report.objects.get()
    address = f"{REPORTS}{report.pk}/"
    preliminary = client.get(address).json()
    assert (preliminary["status"], preliminary["images"], preliminary["signed_at"]) == ("preliminary", [], None)
    sign_report(by=radiologist, report=report, password=PASSWORD)
    report.refresh_from_db()
    addendum = add_addendum(by=radiologist, report=report, text="Seen again.", password=PASSWORD)
    told = client.get(address).json()
    assert (told["status"], told["signer_name"]) == ("final", radiologist.full_name)
    assert (told["content_sha256"], told["verification_code"]) == (report.content_sha256, report.verification_code)
    assert told["images"] == [str(review.scan.pk)]
    assert (told["review"], told["study"]) == (str(review.pk), str(review.study_id))
    (added,) = told["addenda"]
    assert (added["number"], added["text"]) == (1, "Seen again.")
    assert added["content_sha256"] == addendum.content_sha256
    assert client.get(REPORTS).json()["results"] == [told]
    assert client.get(told["links"]["verification"]).status_code == 200
    paper = client.get(told["links"]["pdf"])
    assert paper.content.startswith(b"%PDF")
    assert paper["Content-Disposition"].startswith("attachment")
    assert "no-store" in paper["Cache-Control"]
    study = client.get(told["links"]["study"]).json()
    assert (study["report"]["id"], study["report"]["status"]) == (str(report.pk), "final")


@pytest.mark.parametrize("address", [REVIEWS, REPORTS])
def test_lists_are_filtered(review: Review, radiologist: User, api: Api, address: str) -> None:
    client = api(radiologist)
    status = {REVIEWS: ("decided", "waiting"), REPORTS: ("preliminary", "final")}[address]
    study, patient = str(review.study_id), str(review.study.patient_id)
    for found in ({"study": study}, {"patient": patient}, {"status": status[0]}):
        assert len(client.get(address, found).json()["results"]) == 1, found
    other = str(uuid.uuid4())
    for nothing in ({"study": other}, {"patient": other}, {"status": status[1]}):
        assert client.get(address, nothing).json()["results"] == [], nothing
    assert client.get(address, {"study": ""}).json()["code"] == "empty_parameter"
    assert client.get(address, {"status": "lost"}).status_code == 400


def test_a_second_reader_learns_nothing_of_the_first_reading(
    review: Review, radiologist: User, clinician: User, member: Callable[..., User], api: Api
) -> None:
    second_reader, report = member("radiologist"), Report.objects.get()
    second = request_second_opinion(by=radiologist, review=review)
    client = api(second_reader)
    addresses = (
        REVIEWS,
        REPORTS,
        f"{REVIEWS}{review.pk}/",
        f"/api/v1/studies/{review.study_id}/",
        "/api/v1/studies/",
        f"/api/v1/patients/{review.study.patient_id}/history/",
    )
    claim_review(by=second_reader, review=second)
    for address in addresses:
        body = client.get(address).content.decode()
        assert WORDS not in body, address
        assert "typical" not in body, address
        assert str(report.pk) not in body, address
    told = client.get(f"{REVIEWS}{review.pk}/").json()
    assert (told["status"], told["reading_hidden"], told["reading"]) == ("decided", True, None)
    for address in (f"{REPORTS}{report.pk}/", f"{REPORTS}{report.pk}/report.pdf"):
        refused = client.get(address)
        assert (refused.status_code, refused.json()["detail"]) == (403, blinding.READING_HIDDEN)
    # Whoever has read it, or never reads, is told.
    assert WORDS in api(radiologist).get(f"{REVIEWS}{review.pk}/").content.decode()
    assert WORDS in api(clinician).get(f"{REPORTS}{report.pk}/").content.decode()

    read(second_reader, second, decision="agree", category="typical", impression="The same.")
    assert client.get(f"{REVIEWS}{review.pk}/").json()["reading"]["impression"] == WORDS
    assert client.get(f"{REPORTS}{report.pk}/").status_code == 200


def test_another_clinics_readings_and_reports_are_not_there(review: Review, stranger: User, api: Api) -> None:
    client, report = api(stranger), Report.objects.get()
    for address in ("reviews/{}/", "reports/{}/", "reports/{}/report.pdf"):
        key = review.pk if "reviews" in address else report.pk
        answer = client.get(f"/api/v1/{address.format(key)}")
        assert answer.status_code == 404, address
        assert answer.json() == client.get(f"/api/v1/{address.format(uuid.uuid4())}").json(), address
    for address in (REVIEWS, REPORTS):
        assert client.get(address).json()["results"] == []


def test_more_rows_take_no_more_queries(radiologist: User, upload: Callable[..., Scan], api: Api) -> None:
    client: Any = api(radiologist)
    decided(upload(seed=1), radiologist)
    client.get(REVIEWS)  # notes the token's use
    few = {address: queries(client, address) for address in (REVIEWS, REPORTS)}
    for seed in range(2, 5):
        decided(upload(seed=seed), radiologist)
    assert len(client.get(REPORTS).json()["results"]) == 4
    assert {address: queries(client, address) for address in (REVIEWS, REPORTS)} == few
