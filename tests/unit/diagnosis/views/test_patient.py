from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, Membership, User
from diagnosis.actions.patient import register_patient
from diagnosis.models import Patient, Scan
from tests.pages import queries, text
from tests.unit.diagnosis.views.conftest import As

LIST, CREATE = "/patients/", "/patients/new/"
FIELDS = {"medical_record_number": "MRN-7", "family_name": "Holm", "given_name": "Åsa", "birth_date": "", "sex": "F"}


@pytest.fixture
def client(as_: As, radiographer: User) -> Client:
    return as_(radiographer)


def test_registering_leads_to_the_patients_page(client: Client, clinic: Clinic, radiographer: User) -> None:
    response = client.post(CREATE, FIELDS, follow=True)
    patient = Patient.objects.get(medical_record_number="MRN-7")
    assert response.redirect_chain[-1][0] == reverse("diagnosis:patient-detail", args=[patient.pk])
    assert (patient.clinic, patient.created_by, patient.name) == (clinic, radiographer, "Holm, Åsa")
    assert "Holm, Åsa (MRN-7) is registered." in text(response)


def test_a_number_that_is_taken_is_an_error_beside_its_field(client: Client, patient: Patient) -> None:
    response = client.post(CREATE, FIELDS | {"medical_record_number": patient.medical_record_number})
    assert response.status_code == 422
    assert (
        "already has a patient with this record number" in response.context["form"].errors["medical_record_number"][0]
    )
    assert Patient.objects.count() == 1


def test_another_clinic_may_use_the_same_number(as_: As, stranger: User, patient: Patient) -> None:
    as_(stranger).post(CREATE, FIELDS | {"medical_record_number": patient.medical_record_number})
    assert Patient.objects.filter(medical_record_number=patient.medical_record_number).count() == 2


@pytest.mark.parametrize(
    "impossible",
    [lambda today: today + timedelta(days=1), lambda today: date(today.year - 131, 1, 1)],
    ids=["tomorrow", "131 years ago"],
)
def test_an_impossible_birth_date_is_refused(client: Client, impossible: Callable[[date], date]) -> None:
    birth_date = impossible(timezone.localdate())
    response = client.post(CREATE, FIELDS | {"birth_date": birth_date.isoformat()})
    assert response.status_code == 422
    assert "Check the year" in response.context["form"].errors["birth_date"][0]


def test_the_history_names_who_changed_what(client: Client, patient: Patient, radiographer: User) -> None:
    page = reverse("diagnosis:patient-detail", args=[patient.pk])
    form = client.get(reverse("diagnosis:patient-edit", args=[patient.pk])).context["form"]
    client.post(
        reverse("diagnosis:patient-edit", args=[patient.pk]), form.initial | {"given_name": "Almut", "sex": "O"}
    )
    latest, first = client.get(page).context["changes"]
    assert latest.by == radiographer.full_name
    assert [(c.field, c.before, c.after) for c in latest.fields] == [
        ("given name", "Alma", "Almut"),
        ("sex", "Female", "Other"),
    ]
    assert (first.reason, first.fields) == ("registered", ())


@pytest.mark.parametrize("sought", ["berg", "ALM", "mrn-0001", "alma berg", " ", "bérg"])
def test_search_finds_by_beginnings_of_name_or_number(client: Client, patient: Patient, sought: str) -> None:
    assert list(client.get(LIST, {"q": sought}).context["page"]) == [patient]


@pytest.mark.parametrize("sought", ["erg", "holm", "alma holm"])
def test_search_finds_nobody_else(client: Client, patient: Patient, sought: str) -> None:
    response = client.get(LIST, {"q": sought})
    assert list(response.context["page"]) == []
    assert f"No patient found for “{sought}”" in text(response)


def test_a_script_gets_the_list_alone(client: Client, patient: Patient) -> None:
    fragment = client.get(LIST, {"q": "berg"}, headers={"X-Fragment": "1"})
    assert "<html" not in text(fragment)
    assert patient.name in text(fragment)
    assert fragment["Cache-Control"] == "no-store"
    assert "X-Fragment" in client.get(LIST)["Vary"]


def test_the_list_shows_the_current_clinic_alone(
    as_: As, radiographer: User, patient: Patient, other_clinic: Clinic
) -> None:
    there = Membership.objects.create(user=radiographer, clinic=other_clinic, role="clinician")
    theirs = register_patient(by=radiographer, clinic=other_clinic, medical_record_number="9", family_name="Berg")
    client = as_(radiographer)
    assert list(client.get(LIST).context["page"]) == [patient]
    session = client.session
    session["membership"] = there.pk
    session.save()
    assert list(client.get(LIST).context["page"]) == [theirs]
    # The other clinic's patient is still one that the person may open.
    assert client.get(reverse("diagnosis:patient-detail", args=[patient.pk])).status_code == 200


def test_an_angle_bracket_in_a_name_stays_text(client: Client) -> None:
    client.post(CREATE, FIELDS | {"family_name": "<script>alert(1)</script>"})
    assert "<script>alert" not in text(client.get(LIST))


def test_the_page_costs_the_same_for_one_scan_and_for_many(
    client: Client, patient: Patient, upload: Callable[..., Scan], django_assert_num_queries: Any
) -> None:
    page = reverse("diagnosis:patient-detail", args=[patient.pk])
    upload(0)
    many = queries(client, page)
    for seed in range(1, 5):
        upload(seed)
    assert queries(client, page) == many
