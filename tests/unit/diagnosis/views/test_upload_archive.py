"""A zip archive on the upload page: what is told of each of its files, to the script and as a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import translation

from accounts.models import User
from diagnosis.actions import archive as action
from diagnosis.actions.patient import register_patient
from diagnosis.models import Patient, Scan
from tests.archives import disc, locked, packed
from tests.images import NO_IMAGE, ct_dicom, xray_dicom, xray_png
from tests.unit.diagnosis.views.conftest import As

JSON = {"Accept": "application/json"}
STRANGERS = {"patient_name": "Someone^Else", "patient_id": "OTHER"}


@pytest.fixture
def post(as_: As, radiographer: User, patient: Patient) -> Callable[..., Any]:
    def make(data: bytes, *, modality: str = "", headers: dict[str, str] = JSON, **more: str) -> Any:
        body = {"files": SimpleUploadedFile("disc.zip", data), "modality": modality, **more}
        return as_(radiographer).post(reverse("diagnosis:scan-upload", args=[patient.pk]), body, headers=headers)

    return make


def lines(response: Any) -> list[dict[str, Any]]:
    assert response["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]


def told(response: Any) -> dict[str, str]:
    return {line["name"]: line["outcome"] for line in lines(response)[1:]}


def test_each_file_of_a_disc_has_its_line(post: Callable[..., Any], patient: Patient) -> None:
    first, *outcomes = lines(post(disc(xray_dicom(), ct_dicom()), modality="ct"))
    assert first == {"total": 6}
    assert {line["name"]: line["outcome"] for line in outcomes} == {
        "DICOMDIR": "left_out",
        "IMAGES/SER001/IM0001": "accepted",
        "IMAGES/SER001/IM0002": "accepted",
        "README.TXT": "left_out",
        "VIEWER/VIEWER.EXE": "left_out",
        "__MACOSX/._README.TXT": "left_out",
    }
    assert sorted(patient.scans.values_list("modality", "original_name")) == [("ct", "IM0002"), ("cxr", "IM0001")]


def test_the_same_archive_again_adds_nothing(post: Callable[..., Any]) -> None:
    first = lines(post(packed(("a.dcm", xray_dicom()))))[1]
    again = lines(post(packed(("a.dcm", xray_dicom()), ("b.dcm", ct_dicom()))))[1:]
    assert [line["outcome"] for line in again] == ["duplicate", "accepted"]
    assert again[0]["scan"] == first["scan"]
    assert Scan.objects.count() == 2


def test_one_answer_says_what_all_pictures_show(post: Callable[..., Any], patient: Patient) -> None:
    pictures = packed(("a.png", xray_png()), ("b.png", xray_png(1)), ("c.dcm", ct_dicom()))
    asked = lines(post(pictures))[1:]
    assert [bool(line["choices"]) for line in asked] == [True, True, False]
    assert told(post(pictures, modality="cxr")) == {"a.png": "accepted", "b.png": "accepted", "c.dcm": "duplicate"}
    assert sorted(patient.scans.values_list("modality", flat=True)) == ["ct", "cxr", "cxr"]


def test_one_comparison_holds_for_a_whole_series(post: Callable[..., Any]) -> None:
    series = packed(*((f"{seed}.dcm", xray_dicom(**STRANGERS, seed=seed)) for seed in range(3)))
    [comparison] = {line["comparison"] for line in lines(post(series))[1:]}
    assert not Scan.objects.exists()
    assert set(told(post(series, compared=comparison)).values()) == {"accepted"}


def test_what_bears_another_patients_number_goes_to_that_one_when_a_person_says_so(
    post: Callable[..., Any], patient: Patient, radiographer: User
) -> None:
    other = register_patient(
        by=radiographer, clinic=patient.clinic, medical_record_number="OTHER", family_name="Someone", given_name="Else"
    )
    theirs = {f"{seed}.dcm": xray_dicom(**STRANGERS, seed=seed) for seed in (1, 2)}
    misnamed = xray_dicom(**{**STRANGERS, "patient_name": "A^Third"}, seed=3)
    files = packed(("own.dcm", xray_dicom()), *theirs.items(), ("misnamed.dcm", misnamed))
    asked = lines(post(files, clinical_question="Cough?"))[1:]
    assert [(line["belongs_to"] or {}).get("key") for line in asked] == [None, *[str(other.pk)] * 3]

    answered = lines(post(files, instead=str(other.pk), clinical_question="Cough?"))[1:]
    said = {line["name"]: (line["outcome"], line["patient"]) for line in answered}
    there = dict.fromkeys(theirs, ("accepted", other.name))
    assert said == {"own.dcm": ("duplicate", ""), **there, "misnamed.dcm": ("mismatch", "")}
    assert [one["field"] for one in answered[-1]["differences"]] == ["name"]  # with the record of that patient
    assert (patient.scans.count(), other.scans.count()) == (1, 2)
    assert not any(scan.identity_note for scan in other.scans.all())
    assert patient.studies.get().clinical_question == "Cough?"
    assert not other.studies.exclude(clinical_question="").exists()

    again = lines(post(files, instead=str(other.pk)))[1:]
    assert [line["outcome"] for line in again] == ["duplicate"] * 3 + ["mismatch"]
    assert told(post(files))["1.dcm"] == "elsewhere"


def test_an_unknown_patient_gets_nothing(post: Callable[..., Any], patient: Patient, stranger: User) -> None:
    """Neither one of another clinic, nor a key that is none."""
    hidden = register_patient(
        by=stranger, clinic=stranger.memberships.get().clinic, medical_record_number="OTHER", family_name="Someone"
    )
    files = packed(("a.dcm", xray_dicom(**STRANGERS)))
    assert told(post(files, instead=str(hidden.pk))) == {"a.dcm": "mismatch"}
    assert post(files, instead="nobody").status_code == 400
    assert not Scan.objects.exists()


def test_a_bad_file_does_not_stop_the_others(post: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real = action.upload_scan

    def fail_once(**given: Any) -> Any:
        if given["name"] == "broken.dcm":
            raise ZeroDivisionError
        return real(**given)

    monkeypatch.setattr(action, "upload_scan", fail_once)
    data = packed(("locked.dcm", xray_dicom()), ("broken.dcm", xray_dicom()), ("good.dcm", xray_dicom()))
    outcomes = lines(post(locked(data, b"locked.dcm")))[1:]
    assert [(line["outcome"], line["code"]) for line in outcomes] == [
        ("refused", "archive_encrypted"),
        ("refused", "unexpected"),
        ("accepted", ""),
    ]
    assert outcomes[1]["retryable"]


def test_an_archive_that_cannot_be_opened_has_one_sentence(post: Callable[..., Any]) -> None:
    response = post(packed(("a.dcm", xray_dicom()))[:-30])
    assert (response.status_code, response.json()["code"]) == (422, "archive_damaged")


def test_lines_that_are_sent_late_are_in_the_language_of_the_page(post: Callable[..., Any]) -> None:
    response = post(packed(("a.dcm", xray_dicom())), headers=JSON | {"Accept-Language": "de"})
    with translation.override("en-gb"):  # the middleware that chose German has ended
        [line] = lines(response)[1:]
    with translation.override("de"):
        assert line["sentence"] == translation.gettext("Uploaded. Its analysis is queued.")
    assert line["sentence"] != "Uploaded. Its analysis is queued."


def test_without_a_script_the_page_tells_the_same(post: Callable[..., Any], patient: Patient) -> None:
    response = post(disc(xray_dicom(), NO_IMAGE, xray_dicom(**STRANGERS)), headers={})
    assert [outcome.kind for outcome in response.context["outcomes"]] == ["accepted", "mismatch"]
    assert response.context["left_out"] == [
        "DICOMDIR",
        "IMAGES/SER001/IM0002",
        "README.TXT",
        "VIEWER/VIEWER.EXE",
        "__MACOSX/._README.TXT",
    ]
    page = response.content.decode()
    assert "IMAGES/SER001/IM0003" in page
    assert "VIEWER/VIEWER.EXE" in page
    assert patient.scans.count() == 1
