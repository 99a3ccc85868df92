"""What becomes of a signed report: old hashes hold, corrected versions follow, entries in error stay readable."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from diagnosis.actions.report import add_addendum, sign_report
from diagnosis.actions.report_correction import correct_report, enter_in_error
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import EnteredInError, Patient, Report, Review, finding
from diagnosis.models.finding import Finding, Presence, Side
from diagnosis.reports import content as report_content
from diagnosis.reports.pdf.content import printed
from diagnosis.states import STANDING_ELSEWHERE, ReportStanding
from tests.conftest import PASSWORD
from tests.factories import finish, new_case, read

pytestmark = pytest.mark.django_db
CODED = [finding.coded(Finding.EFFUSION, Presence.PRESENT, Side.LEFT), finding.coded(Finding.FRACTURE, Presence.ABSENT)]
SECTIONS = {
    "indication": "Cough.",
    "technique": "Chest X-ray. 1 image.",
    "comparison": "None.",
    "coded_findings": CODED,
}


@pytest.fixture
def preliminary(radiographer: User, radiologist: User, patient: Patient) -> Report:
    review = new_case(radiographer, patient)
    finish(review.scan, 0.9)
    return read(radiologist, review, decision="agree", findings="Clear lungs.", **SECTIONS).report


@pytest.fixture
def final(preliminary: Report, radiologist: User) -> Report:
    return sign_report(by=radiologist, report=preliminary, password=PASSWORD)


def at(report: Report, name: str) -> str:
    return reverse(f"diagnosis:report-{name}", args=[report.pk])


@pytest.mark.parametrize("first", ["error", "version"])
def test_nothing_follows_what_came_while_the_page_was_open(final: Report, radiologist: User, first: str) -> None:
    """The three ways to go on from a final report exclude each other, whatever an older copy of the row says."""
    older = Report.objects.get(pk=final.pk)
    assert not older.error and not older.successor
    if first == "error":
        enter_in_error(by=radiologist, report=final, reason="Wrong patient.", password=PASSWORD)
    else:
        correct_report(by=radiologist, report=final, reason="Side.", password=PASSWORD, impression="Other side.")
    with pytest.raises(NotAllowedNow):
        add_addendum(by=radiologist, report=older, text="Also.", password=PASSWORD)
    with pytest.raises(NotAllowedNow):
        enter_in_error(by=radiologist, report=older, reason="Wrong patient.", password=PASSWORD)
    with pytest.raises(NotAllowedNow):
        correct_report(by=radiologist, report=older, reason="Side.", password=PASSWORD, impression="Other side.")
    assert report_content.is_intact(Report.objects.get(pk=final.pk))


# --- the hash ----------------------------------------------------------------------------------------------
def in_form_1(report: Report) -> str:
    """As the version before sections computed it, spelt out here: it must never change."""
    assert report.signed_at
    words = {
        "category": report.category,
        "image_quality": report.image_quality,
        "findings": report.findings,
        "impression": report.impression,
        "decision": report.reading.decision,
        "override_reason": report.reading.override_reason,
        "signer": report.signer_name,
        "signed_at": report.signed_at.isoformat(),
        "snapshot": report.snapshot,
    }
    canonical = json.dumps(words, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def test_a_report_from_before_there_were_sections_verifies_in_its_own_form(final: Report) -> None:
    final.canonical_form, final.content_sha256 = 1, in_form_1(final)
    final.author_name = final.indication = final.technique = final.comparison = ""
    final.coded_findings = []
    assert report_content.is_intact(final)
    final.canonical_form = 2
    assert not report_content.is_intact(final)


@pytest.mark.parametrize("name", ["indication", "technique", "comparison", "coded_findings", "author_name"])
def test_every_section_is_part_of_what_is_signed(final: Report, name: str) -> None:
    assert final.canonical_form == 2 and report_content.is_intact(final)
    setattr(final, name, [] if name == "coded_findings" else "forged")
    assert not report_content.is_intact(final)


@pytest.mark.parametrize("column", ["indication", "author_name", "correction_reason", "coded_findings"])
def test_new_columns_are_frozen_with_the_rest(final: Report, column: str) -> None:
    with pytest.raises(DatabaseError, match="final report is never changed"), transaction.atomic():
        connection.cursor().execute(f"UPDATE diagnosis_report SET {column} = '[]'")


# --- corrected versions ------------------------------------------------------------------------------------
def test_a_corrected_report_is_a_new_version_that_names_its_predecessor(final: Report, radiologist: User) -> None:
    version = correct_report(
        by=radiologist, report=final, reason="Wrong side.", impression="Effusion on the left.", password=PASSWORD
    )
    before = Report.objects.get(pk=final.pk)
    assert (version.corrects, before.successor) == (before, version)
    assert (before.impression, before.standing) == (final.impression, ReportStanding.SUPERSEDED)
    assert (version.standing, version.findings) == (ReportStanding.CORRECTED, "Clear lungs.")
    assert version.reading == before.reading == Review.objects.get()
    assert report_content.is_intact(before) and report_content.is_intact(version)
    assert before.study.report == version
    assert "Wrong side." in printed(version).correction and "Corrects the report" in printed(version).correction
    assert [row.note for row in version.transitions.all()] == ["corrects_report", ""]


def test_a_corrected_reports_hash_covers_reason_and_predecessor(final: Report, radiologist: User) -> None:
    version = correct_report(by=radiologist, report=final, reason="Wrong side.", password=PASSWORD)
    assert report_content.is_intact(version)
    version.correction_reason = "Another reason."
    assert not report_content.is_intact(version)
    version = Report.objects.get(pk=version.pk)
    assert version.corrects
    version.corrects.content_sha256 = "0" * 64
    assert not report_content.is_intact(version)


def test_only_the_latest_version_is_corrected_and_only_with_a_reason(final: Report, radiologist: User) -> None:
    with pytest.raises(Refusal, match="Say why"):
        correct_report(by=radiologist, report=final, reason="  ", password=PASSWORD)
    version = correct_report(by=radiologist, report=final, reason="Wrong side.", password=PASSWORD)
    before = Report.objects.get(pk=final.pk)
    with pytest.raises(NotAllowedNow, match="latest version"):
        correct_report(by=radiologist, report=before, reason="Again.", password=PASSWORD)
    with pytest.raises(NotAllowedNow, match="latest version"):
        add_addendum(by=radiologist, report=before, text="Too late.", password=PASSWORD)
    assert correct_report(by=radiologist, report=version, reason="Again.", password=PASSWORD).corrects == version


def test_a_wrong_password_corrects_nothing(final: Report, radiologist: User) -> None:
    with pytest.raises(Refusal, match="not your password"):
        correct_report(by=radiologist, report=final, reason="Wrong side.", password="guess")
    assert Report.objects.count() == 1


# --- entered in error --------------------------------------------------------------------------------------
def test_a_report_entered_in_error_keeps_its_words(final: Report, radiologist: User, client: Client) -> None:
    add_addendum(by=radiologist, report=final, text="One.", password=PASSWORD)
    enter_in_error(by=radiologist, report=final, reason="Another patient's film.", password=PASSWORD)
    now = Report.objects.get()
    assert (now.standing, now.impression) == (ReportStanding.ENTERED_IN_ERROR, final.impression)
    assert report_content.is_intact(now)
    assert now.error
    now.error.reason = "forged"
    assert not report_content.is_intact(now)
    assert "entered_in_error" in [row.note for row in now.transitions.all()]
    client.force_login(radiologist)
    page = client.get(at(now, "detail")).content.decode()
    assert "report-struck" in page and "Another patient&#x27;s film." in page and "Clear lungs." in page
    with pytest.raises(NotAllowedNow, match="entered in error"):
        add_addendum(by=radiologist, report=now, text="Two.", password=PASSWORD)
    with pytest.raises(DatabaseError, match="stays so"), transaction.atomic():
        EnteredInError.objects.all().delete()
    with pytest.raises(DatabaseError, match="stays so"), transaction.atomic():
        EnteredInError.objects.update(reason="forged")


def test_it_needs_a_reason_and_puts_the_study_back_if_asked(final: Report, radiologist: User) -> None:
    with pytest.raises(Refusal, match="Say why"):
        enter_in_error(by=radiologist, report=final, reason=" ", password=PASSWORD)
    enter_in_error(by=radiologist, report=final, reason="Wrong patient.", password=PASSWORD, read_again=True)
    assert Review.objects.open().filter(study=final.study, kind="first").exists()


def test_a_corrected_version_does_not_come_back(final: Report, radiologist: User) -> None:
    version = correct_report(by=radiologist, report=final, reason="Wrong side.", password=PASSWORD)
    enter_in_error(by=radiologist, report=version, reason="Wrong patient.", password=PASSWORD)
    assert Report.objects.get(pk=final.pk).study.report == version


# --- the table of standings --------------------------------------------------------------------------------
def test_each_standing_has_its_meaning_elsewhere() -> None:
    assert set(STANDING_ELSEWHERE) == set(ReportStanding)
    told = {
        standing: (there.verification, there.fhir, there.order, there.observation)
        for standing, there in STANDING_ELSEWHERE.items()
    }
    assert told == {
        "preliminary": ("UNVERIFIED", "preliminary", "P", "P"),
        "handed-over": ("UNVERIFIED", "preliminary", "P", "P"),
        "final": ("VERIFIED", "final", "F", "F"),
        "appended": ("VERIFIED", "appended", "C", "C"),
        "corrected": ("VERIFIED", "corrected", "C", "C"),
        "superseded": ("VERIFIED", "final", "F", "F"),
        "entered-in-error": ("VERIFIED", "entered-in-error", "X", "W"),
    }
    assert {there.completion for there in STANDING_ELSEWHERE.values()} == {"COMPLETE"}


def test_the_manual_prints_the_same_table() -> None:
    manual = Path("docs/manual/reports.md").read_text(encoding="utf-8")
    rows = [line for line in manual.splitlines() if line.startswith("| `")]
    printed_rows = {}
    for row in rows:
        cells = [cell.strip().strip("`") for cell in row.strip().strip("|").split("|")]
        printed_rows[cells[0]] = tuple(cells[2:8])
    assert printed_rows == {
        str(standing): (
            there.completion,
            there.verification,
            there.preliminary,
            there.fhir,
            there.order,
            there.observation,
        )
        for standing, there in STANDING_ELSEWHERE.items()
    }


# --- coded findings ----------------------------------------------------------------------------------------
def test_codes_are_of_the_form_of_their_terminology_and_each_is_one_concept() -> None:
    forms = {finding.RADLEX: r"RID\d+", finding.SNOMED_CT: r"\d{6,18}"}
    assert all(re.fullmatch(forms[code.scheme], code.value) for code in finding.CODES.values())
    assert len({(code.scheme, code.value) for code in finding.CODES.values()}) == len(finding.CODES)
    assert set(Finding) - set(finding.CODES) == {Finding.DEVICE, Finding.DEVICE_MALPOSITION}


def test_findings_are_said_on_page_and_paper(final: Report) -> None:
    assert printed(final).coded_findings == ("Pleural effusion: present, left", "Fracture: absent")


def test_no_finding_is_preselected_and_what_is_chosen_is_stored(
    client: Client, radiographer: User, radiologist: User, patient: Patient
) -> None:
    review = new_case(radiographer, patient)
    client.force_login(radiologist)
    client.post(reverse("diagnosis:review-claim", args=[review.pk]))
    address = reverse("diagnosis:review", args=[review.pk])
    page = client.get(address).content.decode()
    listed = page[page.index('class="coded-findings"') :]
    assert re.findall(r'<option value="(\w*)" selected', listed[: listed.index("</details>")]) == [""] * (
        2 * len(Finding) - len(finding.WITHOUT_SIDE)
    )
    sent = {"category": "atypical", "decision": "no_result", "image_quality": "good", "impression": "Effusion."}
    sent |= {"finding_effusion": "present", "side_effusion": "left", "finding_fracture": "absent"}
    answer = client.post(reverse("diagnosis:review-decide", args=[review.pk]), sent)
    assert answer.status_code == 302
    assert Report.objects.get().coded_findings == Review.objects.get(pk=review.pk).coded_findings == CODED


def test_sections_begin_with_what_the_study_says(
    client: Client, radiographer: User, radiologist: User, patient: Patient
) -> None:
    review = new_case(radiographer, patient)
    type(review.study).objects.filter(pk=review.study_id).update(clinical_question="Pneumonia?")
    client.force_login(radiologist)
    client.post(reverse("diagnosis:review-claim", args=[review.pk]))
    page = client.get(reverse("diagnosis:review", args=[review.pk])).content.decode()
    for words in ("Pneumonia?", "Chest X-ray. 1 image.", "No earlier study in this portal."):
        assert f"data-prefilled>{words}<" in page
    sent = {"indication": "", "findings": "Typed."}
    client.post(reverse("diagnosis:review-draft", args=[review.pk]), sent)
    page = client.get(reverse("diagnosis:review", args=[review.pk])).content.decode()
    assert "data-prefilled>Pneumonia?<" not in page and "Chest X-ray. 1 image." in page


# --- one proof for several signatures ----------------------------------------------------------------------
@pytest.fixture
def several(radiographer: User, radiologist: User, patient: Patient) -> list[Report]:
    return [read(radiologist, new_case(radiographer, patient, seed)).report for seed in range(3)]


def ticks(client: Client) -> list[str]:
    page = client.get(reverse("diagnosis:reading-unsigned")).content.decode()
    return re.findall(r'name="read" value="([^"]+)"', page)


def sign_all(client: Client, ticked: list[str], **more: Any) -> str:
    answer = client.post(reverse("diagnosis:reading-sign"), {"read": ticked, **more}, follow=True)
    return str(answer.content.decode())


def test_several_are_signed_after_one_password(client: Client, several: list[Report], radiologist: User) -> None:
    client.force_login(radiologist)
    found = ticks(client)
    assert len(found) == 3
    assert "Type your password" in sign_all(client, found[:2])
    assert "not your password" in sign_all(client, found[:2], password="guess")
    assert not Report.objects.filter(status="final").exists()
    assert "2 reports are signed" in sign_all(client, found[:2], password=PASSWORD)
    assert "1 report is signed" in sign_all(client, found[2:])
    assert Report.objects.filter(status="final").count() == 3


def test_what_changed_since_it_was_shown_is_not_signed(
    client: Client, several: list[Report], radiologist: User
) -> None:
    client.force_login(radiologist)
    found = ticks(client)
    Report.objects.filter(pk=several[0].pk).update(impression="Something else.")
    page = sign_all(client, found, password=PASSWORD)
    assert "2 reports are signed" in page and "Nothing was signed; read it again" in page
    assert Report.objects.get(pk=several[0].pk).status == "preliminary"


def test_a_tick_of_anothers_report_signs_nothing(
    client: Client, several: list[Report], radiologist: User, member: Callable[..., User]
) -> None:
    client.force_login(radiologist)
    found = ticks(client)
    client.force_login(member("radiologist"))
    sign_all(client, found, password=PASSWORD)
    assert not Report.objects.filter(status="final").exists()


def sign_one(client: Client, report: Report, **more: str) -> int:
    return client.post(at(report, "sign"), more).status_code


def test_the_proof_ends_after_its_time_and_after_a_pause(
    client: Client, several: list[Report], radiologist: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(radiologist)
    assert sign_one(client, several[0]) == 400
    assert sign_one(client, several[0], password=PASSWORD) == 302
    age(client, at=timedelta(minutes=16))
    assert sign_one(client, several[1]) == 400
    assert sign_one(client, several[1], password=PASSWORD) == 302
    age(client, used=timedelta(minutes=11))
    assert sign_one(client, several[2]) == 400
    age(client, used=timedelta(minutes=9))
    assert sign_one(client, several[2], password=PASSWORD) == 302


def age(client: Client, **by: timedelta) -> None:
    """Make the session's proof older by so much."""
    session = client.session
    if kept := session.get("signing_proof"):
        for name, time_ago in by.items():
            kept[name] = time.time() - time_ago.total_seconds()
        session["signing_proof"] = kept
        session.save()


def test_a_clinic_may_ask_for_every_signature(
    client: Client, several: list[Report], radiologist: User, settings: Any
) -> None:
    settings.SIGNING_PROOF = timedelta(0)
    client.force_login(radiologist)
    assert sign_one(client, several[0], password=PASSWORD) == 302
    assert sign_one(client, several[1]) == 400
    assert sign_one(client, several[1], password=PASSWORD) == 302


def test_a_proof_is_of_one_person_and_one_password(client: Client, several: list[Report], radiologist: User) -> None:
    client.force_login(radiologist)
    assert sign_one(client, several[0], password=PASSWORD) == 302
    session = client.session
    session["signing_proof"] = {**session["signing_proof"], "account": "another password's"}
    session.save()
    assert sign_one(client, several[1]) == 400


def test_the_next_report_to_sign_opens_by_itself(client: Client, several: list[Report], radiologist: User) -> None:
    client.force_login(radiologist)
    answer = client.post(at(several[0], "sign"), {"password": PASSWORD, "go_on": "on"})
    assert answer["Location"] == at(several[1], "detail")


# --- decide and sign ---------------------------------------------------------------------------------------
def test_deciding_and_signing_is_one_step_with_a_proof(
    client: Client, radiographer: User, radiologist: User, patient: Patient
) -> None:
    sent = {"category": "negative", "decision": "no_result", "image_quality": "good", "impression": "Clear."}
    client.force_login(radiologist)
    unproven, proven = (new_case(radiographer, patient, seed) for seed in (1, 2))
    for review in (unproven, proven):
        client.post(reverse("diagnosis:review-claim", args=[review.pk]))
    answer = client.post(reverse("diagnosis:review-decide", args=[unproven.pk]), {**sent, "sign": "1"}, follow=True)
    assert "Decided, but not signed: Type your password" in answer.content.decode()
    assert Report.objects.get(review=unproven).status == "preliminary"
    assert client.post(reverse("diagnosis:reading-proof"), {"password": "guess"}).status_code == 400
    assert client.post(reverse("diagnosis:reading-proof"), {"password": PASSWORD}).status_code == 200
    client.post(reverse("diagnosis:review-decide", args=[proven.pk]), {**sent, "sign": "1"})
    assert Report.objects.get(review=proven).status == "final"
