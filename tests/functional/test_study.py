"""Whole examinations by real parts: a folder of two patients' studies, what comes too late, a worker that dies."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from diagnosis.actions.patient import register_patient
from diagnosis.actions.report import sign_report
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Analysis, Patient, Report, Review, Scan, Study
from diagnosis.models.scan import Modality
from diagnosis.reports import content
from diagnosis.states import AnalysisStatus, ReportStatus
from diagnosis.states import ReviewStatus as S
from tests.archives import dicomdir
from tests.conftest import PASSWORD
from tests.factories import read
from tests.functional.steps import sign_in, until_sent
from tests.images import NO_IMAGE, ct_dicom, xray_dicom
from tests.integration.ensemble import ensemble_members
from tests.running import Worker
from tests.slow import Pipe, eventually, reaches

pytestmark = pytest.mark.django_db(transaction=True)

ALMA: dict[str, Any] = {"patient_name": "Berg^Alma", "patient_id": "MRN-0001"}
ELSE: dict[str, Any] = {"patient_name": "Someone^Else", "patient_id": "7"}
SCOUT = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.2"}
SLICES = 12


def slices(count: int, **header: Any) -> list[bytes]:
    return [ct_dicom(seed=number, instance_number=number, **header) for number in range(1, count + 1)]


def views(**header: Any) -> dict[str, bytes]:
    """A chest in two views, of one study."""
    return {view: xray_dicom(seed=n, overrides={"ViewPosition": view}, **header) for n, view in enumerate(("PA", "LL"))}


def folder(at: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = at / "disc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return at / "disc"


def send(page: Page, patient: Patient, path: Path) -> None:
    page.goto(f"/patients/{patient.pk}/")
    page.locator("[data-folder]").set_input_files(path)


@pytest.fixture
def patient_else(patient: Patient, radiographer: User) -> Patient:
    return register_patient(
        by=radiographer, clinic=patient.clinic, medical_record_number="7", family_name="Someone", given_name="Else"
    )


@pytest.fixture
def slices_wait(settings: Any) -> None:
    """As they do in use: further slices are expected for some seconds after each one."""
    settings.ANALYSIS_QUIET = timedelta(seconds=5)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers started after this find out within seconds that another one was lost."""
    monkeypatch.setenv("ANALYSIS_LEASE_SECONDS", "2")
    monkeypatch.setenv("ANALYSIS_SWEEP_SECONDS", "1")


def test_a_folder_of_two_patients_becomes_one_study_and_one_reading_each(
    slices_wait: None,
    worker: Worker,
    page: Page,
    patient: Patient,
    patient_else: Patient,
    radiographer: User,
    radiologist: User,
    tmp_path: Path,
) -> None:
    chest = {f"CT/IM{number:03}": data for number, data in enumerate(slices(SLICES, **ELSE))}
    papers = {"DICOMDIR": dicomdir(), "README.TXT": NO_IMAGE, "CT/SCOUT": ct_dicom(seed=99, overrides=SCOUT, **ELSE)}
    sign_in(page, radiographer)
    send(page, patient, folder(tmp_path, {**papers, **chest, **views(**ALMA)}))
    page.get_by_role("button", name="Upload for Someone, Else instead").click()
    until_sent(page)
    expect(page.get_by_text(f"{SLICES + 3} of {SLICES + 3} uploaded")).to_be_visible()
    expect(page.locator("[data-left-out] summary")).to_have_text("2 files are no images and were left out")

    xray, ct = Study.objects.get(patient=patient), Study.objects.get(patient=patient_else)
    assert [study_images(study) for study in (xray, ct)] == [2, SLICES + 1]
    assert [images_in_result(study) for study in (xray, ct)] == [1, SLICES]
    for study in (xray, ct):
        assert study.reviews.count() == 1
        assert Scan.objects.filter(series__study=study).exclude(not_classified_code="").count() == 1
    assert ct.analyses.count() <= 2

    page.context.clear_cookies()
    sign_in(page, radiologist)
    page.goto("/reading/")
    expect(page.locator("#queue tbody tr")).to_have_count(2)


def study_images(study: Study) -> int:
    return Scan.objects.filter(series__study=study).count()


def images_in_result(study: Study) -> int:
    """Of its newest analysis, when that is done."""
    eventually(lambda: not study.analyses.open().exists(), "the analyses end")
    newest = study.analyses.latest("number")
    assert newest.status == AnalysisStatus.SUCCEEDED, newest.failure_reason
    assert newest.predictions.count() == ensemble_members(Modality(study.modality))
    return newest.image_results.count()


def test_a_slice_that_comes_after_the_signature_opens_the_study_again(
    page: Page, patient: Patient, radiographer: User, radiologist: User, tmp_path: Path
) -> None:
    *early, late = slices(4, **ALMA)
    for data in early:
        scan = upload_scan(by=radiographer, patient=patient, data=data, name="a.dcm").scan
    read(radiologist, Review.objects.get())
    signed = sign_report(by=radiologist, report=Report.objects.get(), password=PASSWORD)
    before = Report.objects.filter(pk=signed.pk).values().get()

    sign_in(page, radiographer)
    send(page, patient, folder(tmp_path, {"LATE": late}))
    until_sent(page)
    assert study_images(scan.study) == 4
    assert sorted(scan.study.reviews.values_list("status", flat=True)) == [S.DECIDED, S.WAITING]
    assert Report.objects.filter(pk=signed.pk).values().get() == before
    assert (before["status"], len(before["images"])) == (ReportStatus.FINAL, 3)
    assert content.is_intact(Report.objects.get())

    page.context.clear_cookies()
    sign_in(page, radiologist)
    page.goto("/reading/")
    expect(page.locator("#queue tbody tr")).to_have_count(1)


class Held:
    """An analysis that a worker has begun, and waits in the middle of, because one of its files is a pipe."""

    def __init__(self, scan: Scan) -> None:
        self._scan, self._pipe, self._end = scan, Pipe(scan), -1

    def is_reached(self) -> bool:
        """Whether a worker has opened the pipe. It gets no byte as long as this end is open."""
        with suppress(OSError):
            self._end = os.open(self._scan.original.path, os.O_WRONLY | os.O_NONBLOCK)
        return self._end >= 0

    def restore(self) -> None:
        self._pipe.restore()
        os.close(self._end)


def test_an_analysis_of_many_slices_ends_once_when_its_worker_is_killed_in_the_middle(
    impatient: None,
    slices_wait: None,
    worker: Worker,
    patient: Patient,
    radiographer: User,
) -> None:
    scans = [upload_scan(by=radiographer, patient=patient, data=data, name="a.dcm").scan for data in slices(24)]
    held = Held(scans[18])
    eventually(held.is_reached, "the worker is in the middle of the study")
    worker.kill()
    held.restore()
    analysis = Analysis.objects.get()
    assert (analysis.status, analysis.image_results.count()) == (AnalysisStatus.RUNNING, 0)
    worker.start()
    reaches(analysis, AnalysisStatus.SUCCEEDED)
    assert Analysis.objects.count() == 1
    assert analysis.attempts == 2
    assert sorted(analysis.image_results.values_list("image", flat=True)) == sorted(scan.pk for scan in scans)
    assert analysis.predictions.count() == ensemble_members(Modality.CT)
    assert Review.objects.count() == 1
