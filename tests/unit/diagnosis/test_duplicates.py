"""A person who is registered already is named before there is a second record."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client

from accounts.models import Clinic, User
from diagnosis.actions.patient import register_patient
from diagnosis.models import Patient

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
CREATE, API = "/patients/new/", "/api/v1/patients/"
NEW = {"medical_record_number": "UX-777", "family_name": "BÉRG", "given_name": "alma", "birth_date": "1958-03-14"}
SOMEBODY = {"family_name": "Holm", "given_name": "Ida"}


@pytest.fixture
def here(client: Client, radiographer: User, patient: Patient) -> Client:
    client.force_login(radiographer)
    return client


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"family_name": "Alma", "given_name": "Berg"},
        {"birth_date": ""},
        *({**SOMEBODY, "medical_record_number": number} for number in ("mrn 1", "MRN.00001", "1", "0001-MRN")),
    ],
)
def test_the_page_names_who_may_be_the_same_and_goes_on_when_they_were_compared(
    here: Client, patient: Patient, said: dict[str, str]
) -> None:
    body = {**NEW, "sex": "F", **said}
    asked = here.post(CREATE, body)
    assert (asked.status_code, asked.context["alike"], Patient.objects.count()) == (409, [patient], 1)
    page = asked.content.decode()
    assert f'href="/patients/{patient.pk}/"' in page
    assert "Register as a new patient all the same" in page
    assert here.post(CREATE, {**body, "compared": asked.context["compared"]}).status_code == 302
    assert Patient.objects.count() == 2


@pytest.mark.parametrize(
    "said",
    [
        {"birth_date": "1959-03-14"},
        {"given_name": "Ada"},
        *({**SOMEBODY, "medical_record_number": number} for number in ("MRN-0002", "MRN-00010", "CT-0001", "MRN")),
    ],
)
def test_somebody_else_is_registered_at_once(here: Client, said: dict[str, str]) -> None:
    assert here.post(CREATE, {**NEW, "sex": "F", **said}).status_code == 302


def test_nobody_is_named_whom_the_person_may_not_see(
    here: Client, patient: Patient, radiographer: User, stranger: User, other_clinic: Clinic, clinic: Clinic
) -> None:
    """Nor a record that was merged: the one that took its place is named if it is alike."""
    register_patient(by=stranger, clinic=other_clinic, **NEW | {"birth_date": date(1958, 3, 14)})
    kept = register_patient(by=radiographer, clinic=clinic, medical_record_number="K", family_name="Kept")
    Patient.objects.filter(pk=patient.pk).update(merged_into=kept)
    assert here.post(CREATE, {**NEW, "sex": "F"}).status_code == 302


def test_a_number_that_is_taken_is_refused_before_anybody_is_named(here: Client, patient: Patient) -> None:
    taken = {**NEW, "medical_record_number": patient.medical_record_number}
    page = here.post(CREATE, {**taken, "sex": "F"})
    assert (page.status_code, "alike" in page.context) == (422, False)
    answer = here.post(API, taken, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_the_api_names_them_until_each_was_compared(
    here: Client, patient: Patient, radiographer: User, clinic: Clinic
) -> None:
    def send(**more: Any) -> Any:
        return here.post(API, {**NEW, **more}, content_type="application/json")

    told = send().json()
    assert (told["status"], told["code"], told["retryable"]) == (409, "possible_duplicates", False)
    assert [(one["id"], one["birth_date"]) for one in told["possible_duplicates"]] == [(str(patient.pk), "1958-03-14")]
    twin = register_patient(by=radiographer, clinic=clinic, medical_record_number="UX777", family_name="Lund")
    again = send(compared=[str(patient.pk)]).json()
    assert [one["id"] for one in again["possible_duplicates"]] == [str(twin.pk)]  # has turned up meanwhile
    sure = send(compared=[str(patient.pk), str(twin.pk)])
    assert (sure.status_code, sure.json()["family_name"], "compared" in sure.json()) == (201, "BÉRG", False)
    assert send(compared=["nobody"]).status_code == 400
