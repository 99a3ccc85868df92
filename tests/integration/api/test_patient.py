from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Clinic, Membership, User
from diagnosis.actions.analysis import rerun_analysis
from diagnosis.actions.patient import amend_patient, register_patient
from diagnosis.actions.scan import upload_scan
from diagnosis.models import Analysis, Patient, Scan
from diagnosis.models.scan import Modality
from tests.images import xray_png
from tests.integration.api.conftest import Api

PATIENTS = "/api/v1/patients/"
RECORD = {"medical_record_number": "MRN-7", "family_name": "Ødegård", "given_name": "Åse", "birth_date": "1970-02-03"}


def test_register_and_read_back(radiographer: User, clinic: Clinic, api: Api) -> None:
    client = api(radiographer)
    created = client.post(PATIENTS, {**RECORD, "sex": "F"}, format="json")
    assert created.status_code == 201
    patient = Patient.objects.get()
    assert patient.clinic == clinic
    assert patient.created_by == radiographer
    read = client.get(created.json()["links"]["self"]).json()
    assert read == created.json()
    assert read["birth_date"] == "1970-02-03"


def test_a_number_that_is_taken_in_the_clinic_is_refused_by_name(
    patient: Patient, radiographer: User, api: Api
) -> None:
    taken = {**RECORD, "medical_record_number": patient.medical_record_number}
    answer = api(radiographer).post(PATIENTS, taken, format="json")
    assert answer.status_code == 400
    assert "already has a patient with this record number" in answer.json()["detail"]


def test_the_same_number_is_free_in_another_clinic(patient: Patient, stranger: User, api: Api) -> None:
    same = {**RECORD, "medical_record_number": patient.medical_record_number}
    assert api(stranger).post(PATIENTS, same, format="json").status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("birth_date", "31.12.1970"),
        ("birth_date", "2999-01-01"),
        ("birth_date", "1799-01-01"),
        ("sex", "x"),
        ("family_name", ""),
        ("medical_record_number", "9" * 65),
    ],
)
def test_a_wrong_field_is_named_in_a_sentence(radiographer: User, api: Api, field: str, value: str) -> None:
    answer = api(radiographer).post(PATIENTS, {**RECORD, field: value}, format="json")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert answer.json()["detail"].startswith(f"{field}: ")
    assert not Patient.objects.exists()


@pytest.mark.parametrize(("typed", "found"), [("berg", 1), ("ALM", 1), ("mrn-0001", 1), ("alma berg", 1), ("erg", 0)])
def test_search_by_beginnings_of_name_and_number(
    patient: Patient, radiographer: User, api: Api, typed: str, found: int
) -> None:
    assert len(api(radiographer).get(PATIENTS, {"search": typed}).json()["results"]) == found


def test_lists_come_in_pages(radiographer: User, clinic: Clinic, api: Api) -> None:
    for number in range(7):
        register_patient(
            by=radiographer, clinic=clinic, medical_record_number=str(number), family_name=f"Name {number}"
        )
    client = api(radiographer)
    first = client.get(PATIENTS, {"page_size": 3}).json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    assert [_numbers(page) for page in (first, second, third)] == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    assert (first["previous"], third["next"]) == (None, None)
    assert client.get(third["previous"]).json()["results"] == second["results"]
    assert set(first) == {"next", "previous", "results"}


def test_an_address_of_a_page_names_no_patient(radiographer: User, clinic: Clinic, api: Api) -> None:
    """Addresses end up in logs."""
    for number in ("MRN-1", "MRN-2"):
        register_patient(by=radiographer, clinic=clinic, medical_record_number=number, family_name="Secretname")
    following = api(radiographer).get(PATIENTS, {"page_size": 1}).json()["next"]
    assert "MRN-" not in following  # the letters alone may stand in a cursor
    assert "Secretname" not in following


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"cursor": "nonsense"}, "unknown_cursor"),
        ({"cursor": str(uuid.uuid4())}, "unknown_cursor"),
        ({"page_size": "0"}, "bad_page_size"),
        ({"page_size": "201"}, "bad_page_size"),
        ({"page_size": "many"}, "bad_page_size"),
        ({"page_size": "²"}, "bad_page_size"),
        ({"page_size": "9" * 5000}, "bad_page_size"),
    ],
)
def test_a_page_that_is_not_there_is_refused(radiographer: User, api: Api, asked: dict[str, str], code: str) -> None:
    answer = api(radiographer).get(PATIENTS, asked)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_another_clinics_patient_is_no_cursor(patient: Patient, stranger: User, api: Api) -> None:
    assert api(stranger).get(PATIENTS, {"cursor": str(patient.pk)}).json()["code"] == "unknown_cursor"


def test_a_record_number_finds_exactly_its_patient(radiographer: User, clinic: Clinic, api: Api) -> None:
    for number in ("17", "170", "1 7", "MRN-17"):
        register_patient(by=radiographer, clinic=clinic, medical_record_number=number, family_name="Berg")
    client = api(radiographer)

    def found(number: str) -> list[str]:
        return _numbers(client.get(PATIENTS, {"medical_record_number": number}).json())

    assert found("17") == ["17"]
    assert found("mrn-17") == []
    assert found("7") == []
    assert found("") == []
    both = {"medical_record_number": "17", "search": "lund"}
    assert client.get(PATIENTS, both).json()["results"] == []


def test_a_merged_record_is_not_found_by_its_number(radiographer: User, clinic: Clinic, api: Api) -> None:
    kept, merged = (
        register_patient(by=radiographer, clinic=clinic, medical_record_number=number, family_name="Berg")
        for number in ("1", "2")
    )
    Patient.objects.filter(pk=merged.pk).update(merged_into=kept)
    client = api(radiographer)
    assert client.get(PATIENTS, {"medical_record_number": "2"}).json()["results"] == []
    assert client.get(f"{PATIENTS}{merged.pk}/").json()["merged_into"] == str(kept.pk)


def _numbers(page: dict[str, Any]) -> list[str]:
    return [each["medical_record_number"] for each in page["results"]]


def test_amend_keeps_the_earlier_record_with_who_and_what(patient: Patient, clinician: User, api: Api) -> None:
    client = api(clinician)
    answer = client.patch(f"{PATIENTS}{patient.pk}/", {"family_name": "Lund"}, format="json")
    assert answer.status_code == 200
    patient.refresh_from_db()
    assert (patient.family_name, patient.given_name) == ("Lund", "Alma")
    newest = client.get(f"{PATIENTS}{patient.pk}/history/").json()["results"][0]
    assert newest["kind"] == "record"
    assert newest["by"] == clinician.full_name
    assert newest["changes"] == [{"field": "family_name", "before": "Berg", "after": "Lund"}]


def test_a_patient_cannot_be_moved_to_another_clinic(
    patient: Patient, other_clinic: Clinic, clinician: User, api: Api
) -> None:
    api(clinician).patch(f"{PATIENTS}{patient.pk}/", {"clinic": str(other_clinic.pk)}, format="json")
    patient.refresh_from_db()
    assert patient.clinic != other_clinic


@pytest.mark.parametrize("address", ["{patient}/", "{patient}/history/"])
def test_another_clinics_patient_is_not_there(patient: Patient, stranger: User, api: Api, address: str) -> None:
    answer = api(stranger).get(PATIENTS + address.format(patient=patient.pk))
    nobody = api(stranger).get(PATIENTS + address.format(patient=uuid.uuid4()))
    assert answer.status_code == 404
    assert answer.json() == nobody.json()
    assert api(stranger).get(PATIENTS).json()["results"] == []


def test_a_token_sees_its_own_clinic_alone_though_the_person_works_in_two(
    patient: Patient, stranger: User, clinic: Clinic, other_clinic: Clinic, api: Api
) -> None:
    Membership.objects.create(user=stranger, clinic=clinic, role="clinician")
    here, there = api(stranger, at=clinic), api(stranger, at=other_clinic)
    assert here.get(f"{PATIENTS}{patient.pk}/").status_code == 200
    assert there.get(f"{PATIENTS}{patient.pk}/").status_code == 404
    assert there.post(PATIENTS, RECORD, format="json").json()["clinic"] == str(other_clinic.pk)


def test_history_is_newest_first_with_studies_analyses_and_changes(
    patient: Patient, scan: Scan, radiographer: User, api: Api
) -> None:
    Analysis.objects.finish(scan.analyses.get().pk, "queued", "cancelled", by="test")  # type: ignore[arg-type]
    again = rerun_analysis(by=radiographer, study=scan.study)
    amend_patient(by=radiographer, patient=patient, sex="O")
    upload_scan(by=radiographer, patient=patient, data=xray_png(2), name="later.png", modality=Modality.CXR)
    answer = api(radiographer).get(f"{PATIENTS}{patient.pk}/history/").json()
    events = answer["results"]
    assert [event["kind"] for event in events] == ["study", "record", "study", "record"]
    assert [event["at"] for event in events] == sorted((event["at"] for event in events), reverse=True)
    assert events[0]["study"]["id"] == str(Scan.objects.get(original_name="later.png").study_id)
    assert (events[2]["study"]["id"], events[2]["by"]) == (str(scan.study_id), radiographer.full_name)
    earlier = events[2]["analyses"]
    assert [(each["number"], each["status"]) for each in earlier] == [(2, "queued"), (1, "cancelled")]
    assert earlier[0]["id"] == str(again.pk)
    assert events[3]["changes"] == []  # the registration
    assert all(each["intended_use"]["sentence"] for each in earlier)


def test_history_comes_in_pages_that_meet(patient: Patient, radiographer: User, api: Api) -> None:
    for seed in range(3):
        upload_scan(by=radiographer, patient=patient, data=xray_png(seed), name="x.png", modality=Modality.CXR)
    amend_patient(by=radiographer, patient=patient, sex="O")
    client, address = api(radiographer), f"{PATIENTS}{patient.pk}/history/"
    whole = client.get(address).json()
    first = client.get(address, {"page_size": 2}).json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    assert first["results"] + second["results"] + third["results"] == whole["results"]
    assert (len(whole["results"]), third["next"], whole["next"]) == (5, None, None)
    assert client.get(second["previous"]).json()["results"] == first["results"]
    assert client.get(address, {"cursor": "nonsense"}).json()["code"] == "unknown_cursor"


def test_history_pages_do_not_grow_more_expensive_with_the_patient(
    patient: Patient, radiographer: User, api: Api, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for seed in range(4):
        upload_scan(by=radiographer, patient=patient, data=xray_png(seed), name="x.png", modality=Modality.CXR)
    client = api(radiographer)
    client.get(PATIENTS)  # notes the token's use
    with django_assert_max_num_queries(12):
        assert len(client.get(f"{PATIENTS}{patient.pk}/history/", {"page_size": 3}).json()["results"]) == 3
