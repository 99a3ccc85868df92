"""Twelve combinations of result, category and report: list, timeline, study page, API and paper say the same words.

docs/words.md has the table that a person reads.
"""

from __future__ import annotations

import html
import re
import subprocess
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import Clinic, User
from diagnosis.actions.report import sign_report
from diagnosis.models import Patient, Report
from tests.conftest import PASSWORD
from tests.factories import BOTH, finish, new_case, read

PROBABILITIES = {"below": 0.1, "between": 0.5, "above": 0.9}
SIDES = {
    "below": "COVID-19 pattern: below the lower threshold",
    "between": "COVID-19 pattern: between the two thresholds",
    "above": "COVID-19 pattern: at or above the upper threshold",
}
STANDS = {"agree": "agrees with the computer", "override": "Computer's result overridden by"}


@pytest.mark.parametrize("state", ["unread", "preliminary", "final"])
@pytest.mark.parametrize(
    ("side", "category", "decision"),
    [
        ("above", "typical", "agree"),
        ("above", "negative", "override"),
        ("between", "indeterminate", "agree"),
        ("below", "atypical", "override"),
    ],
)
def test_all_places_say_the_same(
    client: Client,
    clinic: Clinic,
    patient: Patient,
    radiographer: User,
    radiologist: User,
    clinician: User,
    tmp_path: Path,
    state: str,
    side: str,
    category: str,
    decision: str,
) -> None:
    review = new_case(radiographer, patient)
    finish(review.scan, 0.5, 0.5, combined=PROBABILITIES[side])
    if state != "unread":
        why = {"override_reason": "false_positive"} if decision == "override" else {}
        read(radiologist, review, category=category, decision=decision, **why, **BOTH)
    report = Report.objects.filter(study=review.study_id).first()
    if state == "final":
        assert report
        sign_report(by=radiologist, report=report, password=PASSWORD)
    client.force_login(clinician)
    body = client.get(f"/api/v1/studies/{review.study_id}/").json()
    places = {
        "list": _text(client.get("/scans/").content),
        "timeline": _text(client.get(f"/patients/{patient.pk}/").content),
        "study": _text(client.get(f"/studies/{review.study_id}/").content),
        "API": body["headline"],
    }
    expected = _expected(state, side, decision, report)
    if report and state == "final":
        (tmp_path / "report.pdf").write_bytes(client.get(f"/reports/{report.pk}/report.pdf").content)
        told = subprocess.run(["pdftotext", tmp_path / "report.pdf", "-"], check=True, capture_output=True, text=True)
        paper = _squeezed(told.stdout)
        assert _squeezed(str(report.get_category_display())) in paper
        assert _squeezed(report.impression) in paper
    for place, shown in places.items():
        for words in expected:
            assert words in shown, (place, words, shown[:3000])
        bare = re.search(r"(Negative|Positive|Indeterminate) zone|\bnegative\b", shown)
        assert not bare, (place, shown[max(0, bare.start() - 150) : bare.end() + 60])


def _expected(state: str, side: str, decision: str, report: Report | None) -> list[str]:
    if state == "unread" or report is None:
        return [f"Computer: {SIDES[side]}", "Not yet read by a radiologist"]
    if state == "preliminary":
        return [f"Computer: {SIDES[side]}", "Preliminary report by", "not signed", report.get_category_display()]
    return [f"Radiologist: {report.get_category_display()}", report.impression, STANDS[decision]]


def _text(content: bytes) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", content.decode())).split())


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)
