"""Whole examinations by real parts, from a patient's disc to signed reports and what comes too late for them."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from playwright.sync_api import Page, expect
from pydicom.uid import generate_uid

from accounts.models import User
from diagnosis.actions.patient import register_patient
from diagnosis.models import Patient, Report, Review, Scan, Study
from diagnosis.models.scan import Modality
from diagnosis.reports import content
from diagnosis.states import AnalysisStatus, ReportStatus
from tests.archives import dicomdir
from tests.chest_images import chest_folder
from tests.conftest import PASSWORD
from tests.functional.steps import PATIENCE_MS, sign_in
from tests.images import NO_IMAGE, ct_dicom, xray_dicom
from tests.integration.ensemble import ensemble_members
from tests.running import Worker
from tests.slow import eventually

pytestmark = pytest.mark.django_db(transaction=True)

ALMA: dict[str, Any] = {"patient_name": "Berg^Alma", "patient_id": "MRN-0001"}
ELSE: dict[str, Any] = {"patient_name": "Someone^Else", "patient_id": "7"}
SCOUT = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SeriesInstanceUID": generate_uid()}
LATE = 2  # slices that come after the signature


def ct_series(study: str) -> list[bytes]:
    """A whole chest of Someone Else: the 133 slices of a real one where there is one, else as many drawn ones."""
    series, found = generate_uid(), sorted((chest_folder() / "dicom/ct-series-covid").glob("*.dcm"))
    if not found:
        overrides = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
        return [ct_dicom(seed=n, instance_number=n, overrides=overrides, **ELSE) for n in range(1, 134)]
    return [renamed(path, study, series) for path in found]


def renamed(path: Path, study: str, series: str) -> bytes:
    """The slice at `path` as one of another study and patient; its pixels stay."""
    dataset, out = pydicom.dcmread(path), BytesIO()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PatientName, dataset.PatientID = ELSE["patient_name"], ELSE["patient_id"]
    dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def views() -> dict[str, bytes]:
    """A chest of Alma Berg in two views, of one study."""
    return {view: xray_dicom(seed=n, overrides={"ViewPosition": view}, **ALMA) for n, view in enumerate(("PA", "LL"))}


def folder(at: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return at


def drop_folder(page: Page, path: Path) -> None:
    """As from the desktop: the browser itself opens the folder."""
    page.locator(".drop").scroll_into_view_if_needed()
    box = page.locator(".drop").bounding_box()
    assert box
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": step, **place, "data": data})


@pytest.fixture
def patient_else(patient: Patient, radiographer: User) -> Patient:
    return register_patient(
        by=radiographer, clinic=patient.clinic, medical_record_number="7", family_name="Someone", given_name="Else"
    )


@pytest.fixture
def slices_wait(settings: Any) -> None:
    """As they do in use: further slices are expected for some seconds after each one."""
    settings.ANALYSIS_QUIET = timedelta(seconds=5)


def test_a_disc_of_two_patients_from_the_folder_to_reports_that_stand(
    slices_wait: None,
    worker: Worker,
    page: Page,
    patient: Patient,
    patient_else: Patient,
    radiographer: User,
    radiologist: User,
    tmp_path: Path,
) -> None:
    study_uid = generate_uid()
    chest = ct_series(study_uid)
    slices, late = chest[:-LATE], chest[-LATE:]
    upload(page, radiographer, patient, folder(tmp_path / "disc", on_disc(slices, study_uid)), len(slices))
    xray, ct = Study.objects.get(patient=patient), Study.objects.get(patient=patient_else)
    are_filed(xray, ct, len(slices))

    change_person(page, radiologist)
    expect(queue(page)).to_have_count(2)
    read_xray(page, xray)
    read_ct(page, ct, len(slices))
    expect(queue(page)).to_have_count(0)
    signed = {row["study_id"]: row for row in final_rows()}
    assert {pk: len(row["images"]) for pk, row in signed.items()} == {xray.pk: 2, ct.pk: len(slices) + 1}

    change_person(page, radiographer)
    page.goto(f"/patients/{patient_else.pk}/")
    drop_folder(page, folder(tmp_path / "late", {f"IM{number}": data for number, data in enumerate(late)}))
    expect(page.get_by_text(f"{LATE} of {LATE} uploaded")).to_be_visible(timeout=PATIENCE_MS)
    assert images_in_result(ct) == len(slices) + LATE

    change_person(page, radiologist)
    report = Report.objects.get(study=ct)
    is_open_again(page, ct, report)
    take(page, ct)
    sign(page, PASSWORD)
    assert [ct.reviews.count(), len(final_rows())] == [2, 3]
    assert [row for row in final_rows() if row["id"] in {one["id"] for one in signed.values()}] == list(signed.values())
    still_holds(page, report)


def on_disc(slices: list[bytes], study: str) -> dict[str, bytes]:
    scout = ct_dicom(seed=999, overrides={**SCOUT, "StudyInstanceUID": study}, **ELSE)
    chest = {f"CT/IM{number:04}": data for number, data in enumerate(slices)}
    return {"DICOMDIR": dicomdir(), "README.TXT": NO_IMAGE, "CT/SCOUT": scout, **chest, **views()}


def upload(page: Page, by: User, patient: Patient, disc: Path, slices: int) -> None:
    sign_in(page, by)
    page.goto(f"/patients/{patient.pk}/")
    drop_folder(page, disc)
    page.get_by_role("button", name="Upload for Someone, Else instead").click()
    expect(page.get_by_text(f"{slices + 3} of {slices + 3} uploaded")).to_be_visible(timeout=5 * PATIENCE_MS)
    expect(page.locator("[data-left-out] summary")).to_have_text("2 files are no images and were left out")


def are_filed(xray: Study, ct: Study, slices: int) -> None:
    assert [study_images(study) for study in (xray, ct)] == [2, slices + 1]
    assert [images_in_result(study) for study in (xray, ct)] == [1, slices]
    for study in (xray, ct):
        assert study.reviews.count() == 1
        assert Scan.objects.filter(series__study=study).exclude(not_classified_code="").count() == 1
    assert ct.analyses.count() <= 2


def study_images(study: Study) -> int:
    return Scan.objects.filter(series__study=study).count()


def images_in_result(study: Study) -> int:
    """Of its newest analysis, when that is done."""
    eventually(lambda: not study.analyses.open().exists(), "the analyses end")
    newest = study.analyses.latest("number")
    assert newest.status == AnalysisStatus.SUCCEEDED, newest.failure_reason
    assert newest.predictions.count() == ensemble_members(Modality(study.modality))
    return newest.image_results.count()


def change_person(page: Page, user: User) -> None:
    page.context.clear_cookies()
    sign_in(page, user)


def queue(page: Page) -> Any:
    page.goto("/reading/")
    return page.locator("#queue tbody tr")


def read_xray(page: Page, study: Study) -> None:
    take(page, study)
    expect(page.locator(".sv-pane")).to_have_count(2)
    expect(page.locator(".sv-caption").nth(1)).to_contain_text("Lateral, LL")
    expect(page.locator(".sv-flags").nth(1)).to_have_text("Not classified: lateral view")
    sign(page, PASSWORD)


def read_ct(page: Page, study: Study, slices: int) -> None:
    take(page, study)
    listed = page.get_by_role("navigation", name="Series").get_by_role("button")
    expect(listed).to_have_count(2)
    expect(listed.nth(0)).to_contain_text(f"{slices} images")
    expect(listed.nth(1)).to_contain_text("Not classified: scout")
    sign(page)


def take(page: Page, study: Study) -> None:
    """Whether the reader holds the case already, which followed the one before, or not."""
    page.goto(f"/reading/{Review.objects.open().get(study=study).pk}/")
    button = page.get_by_role("button", name="Take this case")
    if button.count():
        with page.expect_navigation():  # until it is loaded: the keys are listened to then
            button.click()
    expect(page.locator("scan-viewer canvas").first).to_be_visible()


def sign(page: Page, password: str = "") -> None:
    """Negative, in agreement or not; the password is asked for with the first report after the sign-in."""
    address = page.url
    for key in ("Shift+Digit4", "Shift+KeyY", "Shift+Digit7", "Control+Shift+Enter"):
        page.keyboard.press(key)
    if password:
        page.get_by_role("dialog", name="Sign with your password").get_by_label("Your password").fill(password)
        page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != address)


def final_rows() -> list[dict[str, Any]]:
    return list(Report.objects.filter(status=ReportStatus.FINAL).order_by("pk").values())


def is_open_again(page: Page, ct: Study, signed: Report) -> None:
    row = queue(page)
    expect(row).to_have_count(1)
    expect(row).to_contain_text("images came after the reading")
    take(page, ct)
    expect(page.locator(".desk-panel")).to_contain_text("This study was read before")
    expect(page.locator(".desk-panel")).to_contain_text(f"{LATE} images came in since.")
    page.goto(f"/reports/{signed.pk}/")
    expect(page.get_by_text(f"{LATE} images were added after this report was signed")).to_be_visible()


def still_holds(page: Page, signed: Report) -> None:
    page.goto(f"/verify/{signed.verification_code}/")
    expect(page.locator("main")).to_contain_text("unaltered")
    assert content.is_intact(signed)
