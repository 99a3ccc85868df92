"""What may go wrong on the way, and ways to upload that need neither mouse nor script."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from diagnosis.models import Patient, Scan
from tests.functional.steps import PATIENCE_MS, choose, choose_by_key, settled, sign_in, until_sent
from tests.images import xray_dicom, xray_png
from tests.running import Worker

pytestmark = pytest.mark.django_db(transaction=True)

# Chosen files are looked at once the test says so.
LOOK_LATER = """() => {
    const looked = new Promise(resolve => { window.lookNow = resolve; });
    const own = Blob.prototype.arrayBuffer;
    Blob.prototype.arrayBuffer = async function () { await looked; return own.call(this); };
}"""


@pytest.fixture
def at_patient(page: Page, radiographer: User, patient: Patient) -> Page:
    sign_in(page, radiographer)
    page.goto(f"/patients/{patient.pk}/")
    page.get_by_text("Chest X-ray", exact=True).click()
    return page


def test_a_lost_connection_loses_no_file(at_patient: Page) -> None:
    page, cut = at_patient, iter([True])

    def once(route: Route) -> None:
        route.abort() if next(cut, False) else route.continue_()

    page.route("**/patients/*/scans/", once)
    choose(page, ("a.png", xray_png()))
    row = page.locator(".file")
    expect(row).to_contain_text("The connection was lost")
    row.get_by_role("button", name="Retry").click()
    until_sent(page)
    expect(row).to_contain_text("Uploaded.")
    assert Scan.objects.count() == 1


def test_signed_out_meanwhile_is_said_and_the_file_stays(at_patient: Page) -> None:
    page = at_patient
    page.context.clear_cookies(name="sessionid")
    choose(page, ("a.png", xray_png()))
    expect(page.locator(".file")).to_contain_text("You have been signed out")
    assert not Scan.objects.exists()


def test_leaving_during_an_upload_is_asked_about(at_patient: Page, patient: Patient) -> None:
    page = at_patient
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    def try_to_leave() -> None:
        with page.expect_event("dialog"):  # a click may return before it comes
            page.get_by_role("link", name="Scans", exact=True).click()
        expect(page).to_have_url(re.compile(str(patient.pk)))

    page.route("**/patients/*/scans/", hold)
    page.on("dialog", stay)
    page.evaluate(LOOK_LATER)
    choose(page, ("a.png", xray_png()))
    try_to_leave()  # nothing stands in the list yet
    page.evaluate("lookNow()")
    expect(page.locator(".file[data-state=sending]")).to_have_count(1)
    try_to_leave()
    assert asked == ["beforeunload"] * 2
    while not held:  # the row says so before its request is there
        page.wait_for_timeout(50)
    held[0].continue_()
    until_sent(page)
    page.get_by_role("link", name="Scans", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Scans")
    assert asked == ["beforeunload"] * 2


def test_a_png_without_modality_asks_in_its_row(at_patient: Page) -> None:
    page = at_patient
    page.get_by_text("Taken from the file (DICOM)").click()
    choose(page, ("a.png", xray_png()))
    row = page.locator(".file")
    row.get_by_role("button", name="Chest CT").click()
    until_sent(page)
    expect(row).to_contain_text("Uploaded.")
    assert Scan.objects.get().modality == "ct"


def test_search_follows_the_typing(page: Page, radiographer: User, patient: Patient) -> None:
    sign_in(page, radiographer)
    page.goto("/patients/")
    field = page.get_by_role("searchbox", name="Name, record number or birth date", exact=True)
    field.press_sequentially("holm")
    expect(page.get_by_text("No patient found for “holm”")).to_be_visible()
    field.fill("be")
    expect(page.get_by_role("link", name="Berg, Alma")).to_be_visible()
    expect(page).to_have_url(re.compile(r"q=be$"))


def test_one_comparison_holds_for_every_file_that_differs_in_the_same_way(at_patient: Page, patient: Patient) -> None:
    """The slices of a series have one header; another person's file among them still asks."""
    page = at_patient
    series = [(f"slice {n}.dcm", xray_dicom(patient_name="Else^Someone", patient_id="7", seed=n)) for n in range(4)]
    choose(page, *series, ("stray.dcm", xray_dicom(patient_name="Third^Person", patient_id="8")))
    stray = page.locator(".file", has_text="stray.dcm")
    expect(page.locator(".file[data-state=question]")).to_have_count(5)
    page.locator(".file", has_text="slice 1.dcm").get_by_role("button", name="Attach every file here").click()
    until_sent(page)
    expect(page.get_by_text("4 of 5 uploaded, 1 needs your decision")).to_be_visible()
    expect(stray).to_have_attribute("data-state", "question")
    choose(page, ("late.dcm", xray_dicom(patient_name="Else^Someone", patient_id="7", seed=9)))
    expect(page.get_by_text("5 of 6 uploaded, 1 needs your decision")).to_be_visible()
    noted = [scan.identity_note for scan in patient.scans.all()]
    assert len(noted) == 5
    assert all("Someone" in note for note in noted)


def test_the_whole_upload_works_from_the_keyboard(at_patient: Page) -> None:
    page = at_patient
    choose_by_key(page, {"name": "a.png", "mimeType": "image/png", "buffer": xray_png()})
    until_sent(page)
    page.get_by_role("link", name="Open: a.png").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Result")).to_be_visible()


@pytest.fixture
def plain_page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A browser that runs no scripts."""
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    with settled(page):
        yield page
    context.close()


def test_without_scripts_the_upload_is_a_form_and_the_page_reloads(
    plain_page: Page, worker: Worker, radiographer: User, patient: Patient
) -> None:
    page = plain_page
    sign_in(page, radiographer)
    page.goto(f"/patients/{patient.pk}/")
    page.get_by_text("Chest X-ray", exact=True).click()
    choose(page, ("a.png", xray_png(1)), ("b.png", b"no image at all"))
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Results of the upload")
    page.get_by_role("link", name="Open the scan").click()
    expect(page.get_by_text(re.compile("Computer: (lung|no abnormal|COVID-19 pattern|likeliest)")).first).to_be_visible(
        timeout=PATIENCE_MS
    )


@pytest.mark.parametrize("width", [360, 768])
def test_no_page_is_wider_than_a_small_screen(page: Page, radiographer: User, patient: Patient, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page, radiographer)
    page.goto(f"/patients/{patient.pk}/")
    page.get_by_text("Chest X-ray", exact=True).click()
    other = xray_dicom(patient_name="Alongname^Ofsomebodyelse", patient_id="NUMBER-WITHOUT-SPACE-IN-IT-12345")
    choose(page, ("a-name-that-is-far-too-long-for-the-width-of-a-telephone-and-has-no-space.png", xray_png()))
    choose(page, ("other.dcm", other))
    until_sent(page)
    expect(page.locator(".differences")).to_be_visible()
    addresses = [f"/patients/{patient.pk}/edit/", "/patients/", "/scans/", "/desk/", f"/scans/{Scan.objects.get().pk}/"]
    for address in [page.url, *addresses]:
        if address != page.url:
            page.goto(address)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{address} is {wide} pixels wide"
