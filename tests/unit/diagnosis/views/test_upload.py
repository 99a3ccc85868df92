from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from diagnosis.actions.patient import register_patient
from diagnosis.models import Analysis, Patient, Review, Scan
from tests.images import NO_IMAGE, xray_dicom, xray_png
from tests.unit.diagnosis.views.conftest import As


@pytest.fixture
def send(as_: As, radiographer: User, patient: Patient) -> Callable[..., Any]:
    """`send(data, name=…)`: the script's way, one file and a JSON answer."""

    def make(data: bytes, *, name: str = "a.png", modality: str = "cxr", to: Patient = patient, **more: str) -> Any:
        body = {"files": SimpleUploadedFile(name, data), "modality": modality, **more}
        address = reverse("diagnosis:scan-upload", args=[to.pk])
        return as_(radiographer).post(address, body, headers={"Accept": "application/json"})

    return make


def test_a_good_file_is_kept_and_queued(send: Callable[..., Any], patient: Patient) -> None:
    response = send(xray_png())
    scan = patient.scans.get()
    answer = response.json()
    assert (response.status_code, answer["outcome"]) == (201, "accepted")
    assert (answer["scan"], answer["url"]) == (str(scan.pk), f"/scans/{scan.pk}/")
    assert scan.analyses.get().status == "queued"


def test_the_same_file_again_points_to_the_earlier_scan(send: Callable[..., Any]) -> None:
    first = send(xray_png()).json()
    again = send(xray_png(), name="b.png")
    assert (again.status_code, again.json()["outcome"]) == (200, "duplicate")
    assert again.json()["scan"] == first["scan"]
    assert Analysis.objects.count() == 1


def test_the_same_file_for_another_patient_points_there(
    send: Callable[..., Any], clinic: Clinic, radiographer: User
) -> None:
    other = register_patient(by=radiographer, clinic=clinic, medical_record_number="2", family_name="Holm")
    first = send(xray_png()).json()
    response = send(xray_png(), to=other)
    assert (response.status_code, response.json()["outcome"]) == (409, "elsewhere")
    assert response.json()["url"] == first["url"]


@pytest.mark.parametrize("name", ["../../etc/passwd.png", "..\\..\\boot.ini", "/etc/shadow", "a\x00b.png"])
def test_a_name_is_only_a_name(send: Callable[..., Any], patient: Patient, name: str) -> None:
    response = send(xray_png(), name=name)
    assert response.status_code == 201
    scan = patient.scans.get()
    assert scan.original.name == f"originals/{scan.pk.hex[:2]}/{scan.pk.hex}"
    assert not set("/\\\x00") & set(scan.original_name)


@pytest.mark.parametrize(("data", "status"), [(NO_IMAGE, 422), (b"", 422), (xray_png()[:2000], 422)])
def test_what_is_no_image_gets_a_sentence(send: Callable[..., Any], data: bytes, status: int) -> None:
    response = send(data)
    assert (response.status_code, response.json()["outcome"]) == (status, "refused")
    assert response.json()["sentence"].endswith(".")
    assert not Scan.objects.exists()


def test_a_png_needs_its_modality_from_a_person(send: Callable[..., Any]) -> None:
    response = send(xray_png(), modality="")
    assert (response.status_code, response.json()["code"]) == (422, "modality_needed")
    assert response.json()["choices"] == [
        {"value": "cxr", "label": "Chest X-ray"},
        {"value": "ct", "label": "Chest CT"},
    ]


def test_a_dicom_says_its_modality_itself(send: Callable[..., Any], patient: Patient) -> None:
    assert send(xray_dicom(), modality="").status_code == 201
    assert patient.scans.get().modality == "cxr"


def test_a_modality_that_does_not_exist_is_refused(send: Callable[..., Any]) -> None:
    assert send(xray_png(), modality="mri").status_code == 400


STRANGERS = {"patient_name": "Someone^Else", "patient_id": "OTHER"}


def test_another_persons_file_waits_for_a_comparison(send: Callable[..., Any], patient: Patient) -> None:
    data = xray_dicom(**STRANGERS)
    asked = send(data, modality="")
    differences = {each["field"]: (each["in_file"], each["in_record"]) for each in asked.json()["differences"]}
    assert asked.status_code == 409
    assert differences["record number"] == ("OTHER", patient.medical_record_number)
    assert not Scan.objects.exists()

    attached = send(data, modality="", compared=asked.json()["comparison"])
    assert attached.status_code == 201
    assert "OTHER" in patient.scans.get().identity_note


def test_a_comparison_holds_for_what_was_compared_alone(send: Callable[..., Any]) -> None:
    compared = send(xray_dicom(**STRANGERS), modality="").json()["comparison"]
    other = xray_dicom(patient_name="A^Third", patient_id="THIRD")
    assert send(other, modality="", compared=compared).status_code == 409
    assert not Scan.objects.exists()


def test_a_comparison_holds_for_every_file_that_differs_so(send: Callable[..., Any], patient: Patient) -> None:
    compared = [
        send(file, modality="").json()["comparison"]
        for file in (xray_dicom(**STRANGERS), xray_dicom(patient_name="A^Third", patient_id="THIRD"))
    ]
    assert send(xray_dicom(**STRANGERS, seed=3), modality="", compared=" ".join(compared)).status_code == 201
    assert "OTHER" in patient.scans.get().identity_note


def test_a_file_with_the_number_of_another_patient_names_that_one(
    send: Callable[..., Any], clinic: Clinic, other_clinic: Clinic, radiographer: User
) -> None:
    other = register_patient(by=radiographer, clinic=clinic, medical_record_number="OTHER", family_name="Else")
    data = xray_dicom(**STRANGERS)
    asked = send(data, modality="").json()
    assert asked["belongs_to"] == {
        "key": str(other.pk),
        "name": other.name,
        "url": reverse("diagnosis:scan-upload", args=[other.pk]),
    }
    Patient.objects.filter(pk=other.pk).update(clinic=other_clinic)
    assert send(data, modality="").json()["belongs_to"] is None


def test_urgent_reaches_the_reading_queue(send: Callable[..., Any], patient: Patient) -> None:
    send(xray_png(), urgent="on")
    assert Review.objects.get(study=patient.studies.get()).urgent


def test_a_file_over_the_limit_is_not_read(send: Callable[..., Any], settings: Any) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    response = send(xray_png())
    assert response.status_code == 413
    assert response.json()["sentence"].endswith(".")


def test_a_body_over_the_limit_is_turned_away_unread(
    as_: As, radiographer: User, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diagnosis.views import upload

    monkeypatch.setattr(upload, "LARGEST_FORM", 1000)
    address = reverse("diagnosis:scan-upload", args=[patient.pk])
    client = as_(radiographer)
    body = {"files": SimpleUploadedFile("a.png", xray_png()), "modality": "cxr"}
    page = client.post(address, body)
    answer = client.post(address, body | {"files": SimpleUploadedFile("a.png", xray_png())}, headers=JSON)
    assert (page.status_code, answer.status_code) == (413, 413)
    assert answer.json()["sentence"] in page.content.decode()
    assert not Scan.objects.exists()


def test_too_many_files_at_once_are_turned_away_with_a_sentence(
    as_: As, radiographer: User, patient: Patient, settings: Any
) -> None:
    files = [SimpleUploadedFile(f"{n}.png", b"x") for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FILES + 1)]
    address = reverse("diagnosis:scan-upload", args=[patient.pk])
    response = as_(radiographer).post(address, {"files": files, "modality": "cxr"})
    assert response.status_code == 413
    assert "Upload fewer at a time." in response.content.decode()


JSON = {"Accept": "application/json"}


def test_without_the_token_of_the_page_nothing_is_taken(radiographer: User, patient: Patient) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(radiographer)
    body = {"files": SimpleUploadedFile("a.png", xray_png()), "modality": "cxr"}
    assert client.post(reverse("diagnosis:scan-upload", args=[patient.pk]), body).status_code == 403
    assert not Scan.objects.exists()


def test_a_plain_form_brings_many_files_and_gets_one_page(as_: As, radiographer: User, patient: Patient) -> None:
    files = [
        SimpleUploadedFile("good.png", xray_png()),
        SimpleUploadedFile("text.png", NO_IMAGE),
        SimpleUploadedFile("empty.png", b""),
        SimpleUploadedFile("again.png", xray_png()),
    ]
    address = reverse("diagnosis:scan-upload", args=[patient.pk])
    response = as_(radiographer).post(address, {"files": files, "modality": "cxr"})
    kinds = [outcome.kind for outcome in response.context["outcomes"]]
    assert kinds == ["accepted", "refused", "refused", "duplicate"]
    for outcome in response.context["outcomes"]:
        assert outcome.name in response.content.decode()


def test_no_file_at_all_is_said(as_: As, radiographer: User, patient: Patient) -> None:
    response = as_(radiographer).post(reverse("diagnosis:scan-upload", args=[patient.pk]), {"modality": "cxr"})
    assert response.status_code == 400
    assert "Choose at least one file." in response.content.decode()
