"""From sign-in to a result and back, as a radiographer does it, against a real worker."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from diagnosis.results import intended_use
from tests.functional.steps import PATIENCE_MS, drop, sign_in, until_analysed, until_sent
from tests.images import NO_IMAGE, xray_dicom, xray_png
from tests.running import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def test_from_upload_to_result(page: Page, worker: Worker, radiographer: User) -> None:
    sign_in(page, radiographer)
    register(page)
    upload(page)
    read(page)
    run_again(page)
    see_history(page)


def register(page: Page) -> None:
    page.get_by_role("link", name="New patient").click()
    page.get_by_label("Record number", exact=True).fill("MRN-0815")
    page.get_by_label("Family name").fill("Holm")
    page.get_by_label("Given name").fill("Åsa")
    page.get_by_label("Birth date").fill("1949-05-23")
    page.get_by_role("button", name="Register the patient").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Holm, Åsa")


def upload(page: Page) -> None:
    page.get_by_text("Chest X-ray", exact=True).click()
    drop(page, ("good.png", xray_png(1)), ("minutes.png", NO_IMAGE), ("empty.png", b""))
    until_sent(page)
    drop(page, ("good again.png", xray_png(1)), ("other.dcm", xray_dicom(patient_name="Else^Someone", patient_id="7")))
    until_sent(page)
    row = {name: page.locator(".file", has_text=name) for name in ("minutes.png", "empty.png", "good again.png")}
    expect(row["minutes.png"]).to_contain_text("text file")
    expect(row["empty.png"]).to_contain_text("empty")
    expect(row["good again.png"]).to_contain_text("nothing was added")
    compare(page)
    until_analysed(page)
    good = page.locator(".file", has_text="good.png")
    expect(good.locator(".pill")).to_have_text(re.compile("Computer: (lung|no abnormal|COVID-19 pattern|likeliest)"))
    expect(good.locator("[data-note]")).to_have_text("Uploaded.")
    expect(page.get_by_text("2 of 5 uploaded, 1 was here already, 2 not uploaded")).to_be_visible()


def compare(page: Page) -> None:
    """The DICOM file names somebody else: nothing is attached before a person has compared."""
    other = page.locator(".file", has_text="other.dcm")
    expect(other.locator("tbody tr").first).to_contain_text(re.compile("Name.*Someone.*Holm, Åsa", re.DOTALL))
    other.get_by_role("button", name="Attach anyway, I have compared them").click()
    until_sent(page)
    expect(other).to_contain_text("Uploaded.")


def read(page: Page) -> None:
    with page.expect_navigation():  # until it is loaded: its scripts listen then
        page.get_by_role("link", name="Open: good.png").click()
    expect(page.locator(".viewer-image")).to_have_count(1)
    for picture in page.locator(".viewer-image, .viewer-overlay").all():
        expect(picture).to_have_js_property("complete", value=True)
        assert picture.evaluate("image => image.naturalWidth") > 0
    slider = page.get_by_label("Opacity")
    slider.fill("20")
    expect(page.locator("#attention")).to_have_css("opacity", "0.2")
    page.get_by_label("Attention map", exact=True).uncheck()
    expect(page.locator("#attention")).to_be_hidden()
    expect(page.get_by_text(intended_use.SENTENCE)).to_be_visible()
    rows = page.locator("summary[data-map]")  # none where one classifier is alone
    if rows.count():
        rows.first.click()
    expect(page.locator("dt:visible", has_text="Sensitivity").first).to_be_visible()


def run_again(page: Page) -> None:
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_role("heading", name="Steps of analysis 2")).to_be_visible()
    until_analysed(page)
    expect(page.locator("[data-result]")).to_have_attribute("data-status", "succeeded", timeout=PATIENCE_MS)
    expect(page.get_by_role("link", name=re.compile("Analysis 1"))).to_be_visible()


def see_history(page: Page) -> None:
    page.get_by_role("navigation", name="You are here").get_by_role("link", name="Holm, Åsa").click()
    expect(page.locator(".timeline > li")).to_have_count(2)
    expect(page.locator(".timeline")).to_contain_text("1 earlier analysis")
    page.get_by_text("Changes to the record").click()
    expect(page.locator(".changes")).to_contain_text("Registered")
