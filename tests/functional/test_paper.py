"""Pages on paper: a study and an ordinary patient's history on one sheet of A4 each, with what a reader needs."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from diagnosis.actions.critical_result import mark_critical
from diagnosis.actions.report import sign_report
from diagnosis.models import Patient, Scan, Study
from tests.conftest import PASSWORD
from tests.factories import ABNORMALITY, finish, read
from tests.functional.steps import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
MEMBERS = (0.2, 0.3, 0.5, 0.1, 0.6, 0.4)
EXAMINATIONS = 5
FINDINGS = "Patchy opacities in the right lower zone. No effusion. The heart is not enlarged. " * 3


@pytest.fixture
def studies(upload: Callable[..., Scan], radiologist: User, clinician: User) -> list[Study]:
    """Five X-rays, with a preliminary report, a final one and a critical result."""
    made = [_examined(upload(month), month) for month in range(1, EXAMINATIONS + 1)]
    reports = [
        read(radiologist, study.reviews.get(), decision="agree", category="indeterminate", findings=FINDINGS).report
        for study in made[:2]
    ]
    assert reports[0]
    sign_report(by=radiologist, report=reports[0], password=PASSWORD)
    mark_critical(by=radiologist, study=made[0], finding="Tension pneumothorax on the left.", recipient=clinician)
    return made


def _examined(scan: Scan, month: int) -> Study:
    finish(scan, *MEMBERS, combined=0.5, abnormality=ABNORMALITY)
    Study.objects.filter(pk=scan.study_id).update(examined_at=dt.datetime(2026, month, 1, 9, tzinfo=dt.UTC))
    return Study.objects.get(pk=scan.study_id)


def test_a_study_and_an_ordinary_patients_history_are_printed_on_one_page_each(
    page: Page, studies: list[Study], patient: Patient, radiologist: User
) -> None:
    sign_in(page, radiologist)
    page.goto(reverse("diagnosis:study-detail", args=[studies[0].pk]))
    _assert_apart(page, ".orderer", ".banner")
    addresses = [reverse("diagnosis:study-detail", args=[study.pk]) for study in studies[:3]]
    for address in (*addresses, reverse("diagnosis:patient-detail", args=[patient.pk])):
        page.goto(address, wait_until="networkidle")
        assert (address, _sheets(page)) == (address, 1)
    page.emulate_media(media="print")
    expect(page.locator(".trend svg").first).to_be_visible()
    expect(page.get_by_text("Critical result, not acknowledged")).to_be_visible()
    expect(page.locator("#upload")).to_be_hidden()
    page.goto(addresses[0])
    expect(page.locator(".worth").first).to_be_visible()  # folded below the report on the screen
    expect(page.locator(".sources").first).to_be_hidden()


def _sheets(page: Page) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))


def _assert_apart(page: Page, *selectors: str) -> None:
    """Neither lies over the other."""
    first, second = (page.locator(selector).bounding_box() for selector in selectors)
    assert first and second
    assert first["y"] + first["height"] <= second["y"] or second["y"] + second["height"] <= first["y"]
