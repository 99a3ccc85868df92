"""A zip archive by the API: one answer that tells of every file."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.models import User
from diagnosis.models import Analysis, Patient, Scan
from tests.archives import disc, packed
from tests.images import ct_dicom, xray_dicom, xray_png
from tests.integration.api.conftest import Api

ARCHIVES = "/api/v1/archives/"
STRANGERS = {"patient_name": "Someone^Else", "patient_id": "OTHER"}


def send(client: APIClient, patient: Patient, data: bytes, **fields: Any) -> Any:
    body = {"file": SimpleUploadedFile("disc.zip", data), "patient": str(patient.pk), **fields}
    return client.post(ARCHIVES, body, format="multipart")


def test_a_disc_becomes_scans_and_every_other_file_is_told(patient: Patient, radiographer: User, api: Api) -> None:
    answer = send(api(radiographer), patient, disc(xray_dicom(), ct_dicom(), xray_png()))
    assert answer.status_code == 200
    body = answer.json()
    assert [body[kind] for kind in ("accepted", "duplicates", "left_out", "refused")] == [2, 0, 4, 1]
    by_path = {member["path"]: member for member in body["members"]}
    kept = by_path["IMAGES/SER001/IM0001"]
    assert kept["problem"] is None
    assert api(radiographer).get(kept["scan"]["links"]["self"]).json()["id"] == kept["scan"]["id"]
    asked = by_path["IMAGES/SER001/IM0003"]
    assert asked["scan"] is None
    assert (asked["problem"]["status"], asked["problem"]["code"]) == (422, "modality_needed")
    assert {"type", "title", "detail", "retryable"} < asked["problem"].keys()
    assert by_path["DICOMDIR"]["problem"]["code"] == "disc_index"
    assert Analysis.objects.count() == Scan.objects.count() == 2


def test_the_same_archive_again_adds_nothing(patient: Patient, radiographer: User, api: Api) -> None:
    data = packed(("a.dcm", xray_dicom()), ("b.png", xray_png()))
    first = send(api(radiographer), patient, data).json()["members"]
    again = send(api(radiographer), patient, data, modality="cxr").json()["members"]
    assert [member["duplicate"] for member in again] == [True, False]
    assert again[0]["scan"] == first[0]["scan"]
    assert Scan.objects.count() == 2


def test_a_comparison_is_brought_back_for_all_files_that_differ_so(
    patient: Patient, radiographer: User, api: Api
) -> None:
    third = xray_dicom(patient_name="A^Third", patient_id="THIRD")
    data = packed(*((f"{n}.dcm", xray_dicom(**STRANGERS, seed=n)) for n in range(2)), ("stray.dcm", third))
    asked = [member["problem"] for member in send(api(radiographer), patient, data).json()["members"]]
    assert {problem["code"] for problem in asked} == {"identity_mismatch"}
    assert asked[0]["comparison"] == asked[1]["comparison"] != asked[2]["comparison"]
    answer = send(api(radiographer), patient, data, compared=[asked[0]["comparison"]]).json()
    assert (answer["accepted"], answer["refused"]) == (2, 1)
    assert answer["members"][2]["problem"]["code"] == "identity_mismatch"


def test_what_is_no_archive_is_a_problem(patient: Patient, radiographer: User, api: Api) -> None:
    answer = send(api(radiographer), patient, xray_png())
    assert (answer.status_code, answer.json()["code"]) == (422, "archive_damaged")


def test_a_larger_body_than_is_accepted_is_refused_unread(
    patient: Patient, radiographer: User, api: Api, settings: Any
) -> None:
    settings.UPLOAD_MAX_ARCHIVE_BYTES = 1000
    answer = send(api(radiographer), patient, bytes(100_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "archive_too_large")


def test_rights_are_those_of_a_single_upload(patient: Patient, stranger: User, administrator: User, api: Api) -> None:
    data = packed(("a.dcm", xray_dicom()))
    assert send(api(stranger), patient, data).status_code == 404
    assert send(api(administrator), patient, data).status_code == 403
    assert not Scan.objects.exists()
