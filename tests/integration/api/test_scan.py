from __future__ import annotations

import base64
import re
import uuid
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image
from rest_framework.test import APIClient

from accounts.models import Clinic, Membership, User
from diagnosis.actions.patient import register_patient
from diagnosis.models import Analysis, Patient, Scan
from diagnosis.rules import policies
from ml.imaging import render_png
from ml.imaging.phantom import chest_xray
from portal.bodies import upload_limit
from tests.images import NO_IMAGE, ct_dicom, xray_dicom, xray_jpeg, xray_png
from tests.integration.api.conftest import Api

SCANS = "/api/v1/scans/"


def send(client: APIClient, patient: Patient, data: bytes, *, name: str = "a.png", **fields: Any) -> Any:
    """Multipart, as a browser or `curl -F` does it."""
    body = {"file": SimpleUploadedFile(name, data), "patient": str(patient.pk), **fields}
    return client.post(SCANS, body, format="multipart")


def send_text(client: APIClient, patient: Patient, image: str, **fields: Any) -> Any:
    return client.post(SCANS, {"image": image, "patient": str(patient.pk), **fields}, format="json")


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_multipart_upload_answers_with_scan_and_queued_analysis(patient: Patient, radiographer: User, api: Api) -> None:
    answer = send(api(radiographer), patient, xray_png(), name="thorax.png", modality="cxr")
    assert answer.status_code == 201
    body = answer.json()
    assert body["duplicate"] is False
    assert body["scan"]["original_name"] == "thorax.png"
    assert (body["scan"]["width"], body["scan"]["file_format"]) == (256, "png")
    assert body["analysis"]["status"] == "queued"
    assert answer["Location"] == body["scan"]["links"]["self"]
    assert api(radiographer).get(body["analysis"]["links"]["self"]).json()["id"] == body["analysis"]["id"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text,
        lambda text: f"data:image/png;base64,{text}",
        lambda text: f"data:application/x-lies;base64,{text}",
        lambda text: "\n".join(text[at : at + 76] for at in range(0, len(text), 76)),
    ],
    ids=["plain", "data URL", "data URL of another type", "lines of 76"],
)
def test_base64_keeps_the_very_bytes(patient: Patient, radiographer: User, api: Api, wrap: Any) -> None:
    answer = send_text(api(radiographer), patient, wrap(encoded(xray_jpeg())), modality="cxr", name="foto.jpg")
    assert answer.status_code == 201
    with Scan.objects.get().original.open("rb") as file:
        assert file.read() == xray_jpeg()
    assert answer.json()["scan"]["file_format"] == "jpeg"


@pytest.mark.parametrize("text", ["%%%", "abcde", "data:image/png;base64,@@", "data:image/png,rawtext", "é" * 8])
def test_malformed_base64_is_a_sentence(patient: Patient, radiographer: User, api: Api, text: str) -> None:
    answer = send_text(api(radiographer), patient, text, modality="cxr")
    assert answer.status_code == 400
    assert answer.json()["code"] == "not_base64"
    assert answer.json()["detail"].endswith(".")


def test_the_same_bytes_again_point_to_the_earlier_scan(patient: Patient, radiographer: User, api: Api) -> None:
    client = api(radiographer)
    first = send(client, patient, xray_png(), modality="cxr")
    again = send_text(client, patient, encoded(xray_png()), modality="cxr")
    assert again.status_code == 200
    assert again.json()["duplicate"] is True
    assert again.json()["scan"]["id"] == first.json()["scan"]["id"]
    assert Analysis.objects.count() == 1


def test_the_same_bytes_of_another_patient_are_refused_with_the_scan(
    patient: Patient, clinic: Clinic, radiographer: User, api: Api
) -> None:
    other = register_patient(by=radiographer, clinic=clinic, medical_record_number="2", family_name="Holm")
    first = send(api(radiographer), patient, xray_png(), modality="cxr").json()
    refused = send(api(radiographer), other, xray_png(), modality="cxr")
    assert refused.status_code == 409
    assert refused.json()["code"] == "attached_elsewhere"
    assert refused.json()["scan"] == first["scan"]["id"]


def test_a_header_that_names_another_asks_before_attaching(patient: Patient, radiographer: User, api: Api) -> None:
    data = xray_dicom(patient_name="Holm^Per", patient_id=patient.medical_record_number)
    asked = send(api(radiographer), patient, data)
    assert asked.status_code == 409
    assert asked.json()["code"] == "identity_mismatch"
    assert [each["field"] for each in asked.json()["differences"]] == ["name"]
    assert not Scan.objects.exists()
    confirmed = send(api(radiographer), patient, data, identity_confirmed="true")
    assert confirmed.status_code == 201
    assert "Holm" in confirmed.json()["scan"]["identity_note"]


@pytest.mark.parametrize(
    ("data", "fields", "status", "code"),
    [
        (NO_IMAGE, {"modality": "cxr"}, 422, None),
        (b"", {"modality": "cxr"}, 422, None),
        (xray_png()[:2000], {"modality": "cxr"}, 422, None),
        (xray_png(), {}, 422, "modality_needed"),
        (ct_dicom(), {"modality": "cxr"}, 422, "modality_mismatch"),
        (xray_png(), {"modality": "mri"}, 400, "invalid"),
    ],
    ids=["no image", "empty", "cut off", "no modality", "CT as X-ray", "unknown modality"],
)
def test_refusals_are_sentences(
    patient: Patient, radiographer: User, api: Api, data: bytes, fields: dict[str, str], status: int, code: str | None
) -> None:
    answer = send(api(radiographer), patient, data, **fields)
    assert answer.status_code == status
    assert code in (None, answer.json()["code"])
    assert re.fullmatch("[a-z0-9_]+", answer.json()["code"])
    assert answer.json()["detail"].endswith(".")
    assert answer.json()["retryable"] is False
    assert not Scan.objects.exists()


def test_a_dicom_says_its_modality_itself(patient: Patient, radiographer: User, api: Api) -> None:
    answer = send(api(radiographer), patient, ct_dicom())
    assert answer.json()["scan"]["modality"] == "ct"


@pytest.mark.parametrize("sender", ["multipart", "json"])
def test_too_large_is_refused_by_its_stated_length_before_it_is_read(
    patient: Patient, radiographer: User, api: Api, settings: Any, sender: str
) -> None:
    settings.UPLOAD_MAX_BYTES = 100_000
    client, noise = api(radiographer), bytes(300_000)
    answer = send(client, patient, noise) if sender == "multipart" else send_text(client, patient, encoded(noise))
    assert answer.status_code == 413
    assert answer.json()["detail"].endswith(".")

    class Unread(BytesIO):
        def read(self, *args: Any) -> bytes:
            raise AssertionError("the body was read")

    again = client.generic("POST", SCANS, b"", content_type="multipart/form-data; boundary=x")
    assert again.status_code == 400  # an empty body is read, and found wanting
    unread = client.post(
        SCANS, b"", content_type="application/json", **{"wsgi.input": Unread(), "CONTENT_LENGTH": "99999999"}
    )
    assert unread.status_code == 413


@pytest.mark.parametrize("sender", ["multipart", "json"])
def test_one_byte_over_the_limit_is_too_large(
    patient: Patient, radiographer: User, api: Api, settings: Any, sender: str
) -> None:
    data = xray_png()
    settings.UPLOAD_MAX_BYTES = len(data) - 1
    client = api(radiographer)
    answer = send(client, patient, data) if sender == "multipart" else send_text(client, patient, encoded(data))
    assert answer.status_code == 413


def test_broken_json_and_broken_multipart_are_sentences(radiographer: User, api: Api) -> None:
    client = api(radiographer)
    for kind, body in (("application/json", b"{"), ("multipart/form-data", b"x"), ("text/plain", b"x")):
        answer = client.generic("POST", SCANS, body, content_type=kind)
        assert answer.status_code in (400, 415), kind
        assert set(answer.json()) >= {"code", "detail", "retryable"}


def test_names_that_are_paths_lose_them(patient: Patient, radiographer: User, api: Api) -> None:
    answer = send_text(api(radiographer), patient, encoded(xray_png()), modality="cxr", name="../../etc/passwd.png")
    assert answer.json()["scan"]["original_name"] == "passwd.png"


def test_another_clinics_patient_gets_no_scan(patient: Patient, stranger: User, api: Api) -> None:
    assert send(api(stranger), patient, xray_png(), modality="cxr").status_code == 404
    assert not Scan.objects.exists()


def test_the_administrator_may_not_upload_and_is_told_why(patient: Patient, administrator: User, api: Api) -> None:
    answer = send(api(administrator), patient, xray_png(), modality="cxr")
    assert answer.status_code == 403
    assert "does not allow you to upload scans" in answer.json()["detail"]


def test_the_original_comes_back_unaltered_as_an_attachment(patient: Patient, radiographer: User, api: Api) -> None:
    data = xray_dicom(patient_name="Berg^Alma", patient_id=patient.medical_record_number)
    scan = send(api(radiographer), patient, data, name='x"\r\n<b>.dcm').json()["scan"]
    answer = api(radiographer).get(scan["links"]["original"])
    assert b"".join(answer.streaming_content) == data
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]


def test_the_picture_is_a_grey_png(scan: Scan, radiographer: User, api: Api) -> None:
    answer = api(radiographer).get(f"{SCANS}{scan.pk}/image.png")
    picture = Image.open(BytesIO(answer.content))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (256, 256))


@pytest.mark.parametrize("address", ["original", "image.png"])
def test_a_lost_file_is_a_sentence_and_not_a_traceback(scan: Scan, radiographer: User, api: Api, address: str) -> None:
    scan.original.storage.delete(scan.original.name)
    answer = api(radiographer).get(f"{SCANS}{scan.pk}/{address}")
    assert answer.status_code == 500
    assert answer.json()["code"] == "stored_file_unreadable"


@pytest.mark.parametrize("address", ["", "original", "image.png"])
def test_another_clinics_scan_is_not_there(scan: Scan, stranger: User, api: Api, address: str) -> None:
    answer = api(stranger).get(f"{SCANS}{scan.pk}/{address}")
    assert answer.status_code == 404
    assert answer.json() == api(stranger).get(f"{SCANS}{uuid.uuid4()}/{address}").json()


def test_lists_are_filtered_by_patient_and_modality(scan: Scan, patient: Patient, radiographer: User, api: Api) -> None:
    client = api(radiographer)
    assert client.get(SCANS, {"patient": str(patient.pk), "modality": "cxr"}).json()["results"][0]["id"] == str(scan.pk)
    assert client.get(SCANS, {"modality": "ct"}).json()["results"] == []
    assert client.get(SCANS, {"patient": "nonsense"}).status_code == 400


def test_a_rerun_waits_for_the_end_of_the_one_before(scan: Scan, radiographer: User, api: Api) -> None:
    client, address = api(radiographer), f"{SCANS}{scan.pk}/analyses/"
    early = client.post(address)
    assert early.status_code == 409
    assert early.json()["detail"] == policies.ALREADY_OPEN
    client.post(f"/api/v1/analyses/{scan.analyses.get().pk}/cancel/")
    added = client.post(address)
    assert added.status_code == 201
    assert added.json()["number"] == 2
    assert added["Location"] == added.json()["links"]["self"]
    assert scan.analyses.count() == 2


def test_a_token_does_not_upload_into_the_persons_other_clinic(
    patient: Patient, stranger: User, clinic: Clinic, other_clinic: Clinic, api: Api
) -> None:
    Membership.objects.create(user=stranger, clinic=clinic, role="radiographer")
    assert send(api(stranger, at=other_clinic), patient, xray_png(), modality="cxr").status_code == 404
    assert send(api(stranger, at=clinic), patient, xray_png(), modality="cxr").status_code == 201


def test_base64_may_be_longer_than_a_form(patient: Patient, radiographer: User, api: Api) -> None:
    large = render_png(chest_xray(1024, 1024))
    assert len(large) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert send_text(api(radiographer), patient, encoded(large), modality="cxr").status_code == 201


@pytest.mark.parametrize("text", ["{", '"image"', "[]", "\xff"])
def test_json_that_is_none_is_refused(radiographer: User, api: Api, text: str) -> None:
    answer = api(radiographer).generic("POST", SCANS, text.encode("latin-1"), content_type="application/json")
    assert answer.status_code == 400


def test_the_server_leaves_room_for_base64() -> None:
    """A file of the largest size must fit when it comes as text."""
    taken = upload_limit(reverse("api:scans"))
    assert taken is not None
    assert taken >= settings.UPLOAD_MAX_BYTES * 4 / 3
