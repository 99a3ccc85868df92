"""Folders, discs and archives: hundreds of files that nobody wants to look at one by one."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from django.utils.timezone import localdate
from playwright.sync_api import Page, Route, expect

from accounts.models import User
from diagnosis.actions.patient import register_patient
from diagnosis.models import Patient, Scan
from tests.archives import dicomdir, disc, packed
from tests.functional.steps import choose, drop, sign_in, until_sent
from tests.images import NO_IMAGE, ct_dicom, xray_dicom, xray_png

pytestmark = pytest.mark.django_db(transaction=True)

STRANGERS = {"patient_name": "Else^Someone", "patient_id": "7"}


@pytest.fixture
def at_patient(page: Page, radiographer: User, patient: Patient) -> Page:
    sign_in(page, radiographer)
    page.goto(f"/patients/{patient.pk}/")
    return page


def folder(at: Path, **files: bytes) -> Path:
    for name, data in files.items():
        path = at / "disc" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return at / "disc"


def choose_folder(page: Page, path: Path) -> None:
    page.locator("[data-folder]").set_input_files(path)


def test_a_folder_becomes_one_line_a_study_and_what_is_no_image_is_named(
    at_patient: Page, patient: Patient, tmp_path: Path
) -> None:
    page = at_patient
    series = {f"SER1__IM{number:03}": ct_dicom(instance_number=number, seed=number) for number in range(12)}
    choose_folder(
        page,
        folder(tmp_path, DICOMDIR=dicomdir(), **{"README.TXT": NO_IMAGE, "XRAY": xray_dicom()}, **series),
    )
    until_sent(page)
    expect(page.get_by_text("13 of 13 uploaded")).to_be_visible()
    study = page.locator(".file-study")
    expect(study).to_have_count(1)
    expect(study).to_contain_text("12 of 12 images")
    expect(study).to_contain_text("Chest CT of")
    expect(page.locator(".file")).to_have_count(2)  # the study, and the X-ray
    left_out = page.locator("[data-left-out]")
    expect(left_out.locator("summary")).to_have_text("2 files are no images and were left out")
    left_out.locator("summary").click()
    expect(left_out.locator("li")).to_have_text(["disc/DICOMDIR", "disc/README.TXT"])
    assert sorted(patient.scans.values_list("modality", flat=True)) == ["ct"] * 12 + ["cxr"]
    study.get_by_role("link", name="Open").click()
    expect(page).to_have_url(re.compile("/scans/"))


def test_one_question_holds_back_the_rest_of_its_study(at_patient: Page, patient: Patient, tmp_path: Path) -> None:
    page, sent = at_patient, []

    def count(route: Route) -> None:
        sent.append(route.request.method)
        route.continue_()

    page.route("**/patients/*/scans/", count)
    series = {f"IM{number:03}": ct_dicom(**STRANGERS, seed=number) for number in range(15)}
    choose_folder(page, folder(tmp_path, **series))
    study = page.locator(".file-study")
    expect(study.locator(".differences")).to_be_visible()
    expect(page.locator("[data-sum]")).to_contain_text("need your decision")
    assert len(sent) <= 3
    expect(study.locator(".differences")).to_have_count(1)
    study.get_by_role("button", name="Attach every file here that differs so").click()
    until_sent(page)
    expect(study).to_contain_text("15 of 15 images")
    assert len(sent) <= 18
    assert all("Someone" in scan.identity_note for scan in patient.scans.all())
    assert patient.scans.count() == 15


def test_the_study_of_another_patient_in_a_folder_goes_to_that_one(
    at_patient: Page, patient: Patient, radiographer: User, tmp_path: Path
) -> None:
    page = at_patient
    other = register_patient(
        by=radiographer, clinic=patient.clinic, medical_record_number="7", family_name="Else", given_name="Someone"
    )
    series = {f"OTHER__IM{number:03}": ct_dicom(**STRANGERS, seed=number) for number in range(10)}
    choose_folder(page, folder(tmp_path, XRAY=xray_dicom(), **series))
    page.get_by_role("button", name="Upload for Else, Someone instead").click()
    until_sent(page)
    expect(page.get_by_text("11 of 11 uploaded")).to_be_visible()
    expect(page.locator(".file-study")).to_contain_text("Else, Someone")
    assert patient.scans.get().modality == "cxr"
    assert other.scans.count() == 10
    assert not any(scan.identity_note for scan in other.scans.all())


def test_one_click_sends_all_that_is_another_patients_to_that_one(
    at_patient: Page, patient: Patient, radiographer: User
) -> None:
    """From an archive and beside it, also where the files differ from the open record in more than one way."""
    page = at_patient
    named = {"medical_record_number": "7", "family_name": "Else", "given_name": "Someone"}
    other = register_patient(by=radiographer, clinic=patient.clinic, birth_date=date(1961, 2, 3), **named)
    born = {**STRANGERS, "overrides": {"PatientBirthDate": "19610203"}}
    images = disc(xray_dicom(), *(ct_dicom(**STRANGERS, seed=seed) for seed in range(3)), ct_dicom(**born, seed=3))
    page.get_by_text("Referrer, ward, clinical question").click()
    page.get_by_label("Clinical question").fill("Cough?")
    drop(page, ("disc.zip", images), ("beside.dcm", ct_dicom(**born, seed=4)))
    take = page.get_by_role("button", name="Upload for Else, Someone instead")
    expect(take).to_have_count(3)
    take.first.click()
    until_sent(page)
    expect(page.get_by_text("6 of 6 uploaded")).to_be_visible()
    expect(take).to_have_count(0)
    expect(page.locator(".file-studies")).to_contain_text("Else, Someone: Chest CT of")
    assert [patient.scans.count(), other.scans.count()] == [1, 5]
    assert not any(scan.identity_note for scan in other.scans.all())
    assert [patient.studies.get().clinical_question, other.studies.get().clinical_question] == ["Cough?", ""]


def test_a_study_of_somebody_else_is_left_out_as_a_whole(at_patient: Page, patient: Patient, tmp_path: Path) -> None:
    page = at_patient
    series = {f"OTHER__IM{number:03}": ct_dicom(**STRANGERS, seed=number) for number in range(10)}
    choose_folder(page, folder(tmp_path, XRAY=xray_dicom(), **series))
    page.get_by_role("button", name="Leave out all 10 files").click()
    until_sent(page)
    expect(page.get_by_text("1 of 1 uploaded")).to_be_visible()
    expect(page.locator(".file-study")).to_have_count(0)
    assert patient.scans.get().modality == "cxr"


def test_the_same_folder_again_adds_nothing(at_patient: Page, tmp_path: Path) -> None:
    page = at_patient
    path = folder(tmp_path, **{f"IM{number:03}": ct_dicom(seed=number) for number in range(10)})
    choose_folder(page, path)
    until_sent(page)
    expect(page.locator(".file-study")).to_contain_text("10 of 10 images")
    page.reload()
    choose_folder(page, path)
    until_sent(page)
    expect(page.locator(".file-study")).to_contain_text("10 of 10 images, 10 were here already")
    assert Scan.objects.count() == 10


def test_after_a_lost_connection_the_rest_waits_and_goes_on_together(at_patient: Page, tmp_path: Path) -> None:
    page, cut, sent = at_patient, [True], []

    def once(route: Route) -> None:
        sent.append(1)
        route.abort() if cut[0] else route.continue_()

    page.route("**/patients/*/scans/", once)
    choose_folder(page, folder(tmp_path, **{f"IM{number:03}": ct_dicom(seed=number) for number in range(12)}))
    again = page.get_by_role("button", name="Go on with all files")
    expect(again).to_be_visible()
    assert len(sent) <= 3
    expect(page.locator("[data-sum]")).to_contain_text("not uploaded")
    cut[0] = False
    again.click()
    until_sent(page)
    expect(page.locator(".file-study")).to_contain_text("12 of 12 images")
    assert Scan.objects.count() == 12


def test_pictures_are_seen_and_asked_about_once(at_patient: Page, patient: Patient) -> None:
    page = at_patient
    choose(page, *((f"{number}.png", xray_png(number)) for number in range(3)))
    page.locator("[data-together]").get_by_role("button", name="A separate examination each").click()
    asked = page.locator("[data-pictures]")
    expect(asked).to_contain_text("What do these 3 pictures show?")
    for picture in asked.locator("img").all():
        expect(picture).to_have_js_property("naturalWidth", 256)
    assert not Scan.objects.exists()
    asked.get_by_role("button", name="Chest X-ray").click()
    until_sent(page)
    expect(page.get_by_text("3 of 3 uploaded")).to_be_visible()
    expect(asked).to_be_hidden()
    assert list(patient.scans.values_list("modality", flat=True)) == ["cxr"] * 3


def test_a_few_views_become_one_examination_on_the_day_that_is_said(at_patient: Page, patient: Patient) -> None:
    page = at_patient
    page.get_by_text("Chest X-ray", exact=True).first.click()
    page.get_by_text("On this date").click()
    page.get_by_label("Date of the examination").fill("2024-03-01")
    choose(page, *((f"{number}.png", xray_png(number)) for number in range(2)))
    asked = page.locator("[data-together]")
    expect(asked).to_contain_text("Are these 2 files one examination or separate ones?")
    assert not Scan.objects.exists()
    asked.get_by_role("button", name="One examination").click()
    until_sent(page)
    expect(page.get_by_text("2 of 2 uploaded")).to_be_visible()
    expect(asked).to_be_hidden()
    study = patient.studies.get()
    assert (study.examined_from, localdate(study.examined_at)) == ("person", date(2024, 3, 1))
    assert Scan.objects.filter(series__study=study).count() == 2


def test_an_archive_of_a_disc_is_opened_and_told_file_by_file(at_patient: Page, patient: Patient) -> None:
    page = at_patient
    images = [ct_dicom(seed=number) for number in range(3)]
    drop(page, ("disc.zip", disc(*images, xray_dicom(**STRANGERS), xray_png(5), xray_png()[:500])))
    row = page.locator(".file")
    expect(row).to_have_attribute("data-state", "question")
    expect(row).to_contain_text("Chest CT of")
    expect(row).to_contain_text("3 images")
    expect(row.locator(".file-problems")).to_contain_text("IMAGES/SER001/IM0006 This PNG is incomplete or damaged")
    expect(page.locator("[data-left-out] summary")).to_have_text("4 files are no images and were left out")
    expect(page.get_by_text("3 of 6 uploaded, 2 need your decision, 1 not uploaded")).to_be_visible()
    row.get_by_role("button", name="Attach it anyway, I have compared them").click()
    expect(page.get_by_text("4 of 6 uploaded, 1 needs your decision, 1 not uploaded")).to_be_visible()
    row.get_by_role("button", name="Chest X-ray").click()
    expect(page.get_by_text("5 of 6 uploaded, 1 not uploaded")).to_be_visible()
    assert sorted(patient.scans.values_list("modality", flat=True)) == ["ct", "ct", "ct", "cxr", "cxr"]


def test_an_archive_that_cannot_be_opened_says_so(at_patient: Page) -> None:
    page = at_patient
    choose(page, ("cut.zip", packed(("a.dcm", xray_dicom()))[:-30]))
    until_sent(page)
    expect(page.locator(".file")).to_contain_text("This archive is incomplete or damaged.")
    expect(page.get_by_text("0 of 1 uploaded, 1 not uploaded")).to_be_visible()
