"""Who looked at a patient: the page for administrators, and what it finds unusual."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Clinic, User
from audit.models import AuditEvent
from audit.vocabulary import Event
from diagnosis.actions.correction import merge_patients
from diagnosis.models import Patient
from diagnosis.oversight import access
from tests.factories import new_patient

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def look(by: User, *patients: Patient) -> None:
    client = Client()
    client.force_login(by)
    for patient in patients:
        assert client.get(reverse("diagnosis:patient-detail", args=[patient.pk])).status_code == 200


def test_an_administrator_sees_who_looked_and_that_is_an_entry(
    client: Client, patient: Patient, clinician: User, administrator: User
) -> None:
    look(clinician, patient, patient)
    lists = Client()
    lists.force_login(clinician)
    lists.get(reverse("diagnosis:patient-list"))
    client.force_login(administrator)
    address = reverse("diagnosis:patient-access", args=[patient.pk])
    page = client.get(address).content.decode()
    assert clinician.full_name in page and "Clinician" in page
    [visit] = access.visits(patient, access.since(1))[-1:]
    assert visit.name == clinician.full_name
    assert {str(what): count for what, count in visit.done.items()} == {"Record": 2, "List or search": 1}
    last = AuditEvent.objects.order_by("pk").last()
    assert last is not None
    assert (last.event, last.person, last.patient) == (Event.TRAIL_USED, administrator.pk, patient.pk)
    assert administrator.full_name in client.get(address).content.decode()


def test_what_was_seen_before_a_merge_counts(
    client: Client, patient: Patient, clinic: Clinic, radiographer: User, clinician: User, administrator: User
) -> None:
    double, third = (new_patient(clinic, radiographer, number) for number in ("MRN-0002", "MRN-0003"))
    look(clinician, double)
    merge_patients(by=administrator, source=double, target=third, reason="one person")
    merge_patients(by=administrator, source=third, target=patient, reason="one person")
    assert clinician.full_name in [visit.name for visit in access.visits(patient, access.since(1))]


@pytest.mark.parametrize("role", ["clinician", "radiologist", "radiographer"])
def test_only_administrators_see_it(
    role: str, client: Client, patient: Patient, member: Callable[..., User], other_clinic: Clinic
) -> None:
    client.force_login(member(role))
    address = reverse("diagnosis:patient-access", args=[patient.pk])
    assert client.get(address).status_code == 403
    client.force_login(member("administrator", at=other_clinic))
    assert client.get(address).status_code == 404
    assert b"Who looked" not in client.get(reverse("diagnosis:home")).content


def test_unusual_looking_is_found(
    client: Client,
    clinic: Clinic,
    radiographer: User,
    clinician: User,
    administrator: User,
    radiologist: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "MANY_IN_AN_HOUR", 5)
    everybody = [new_patient(clinic, radiographer, f"N{number}") for number in range(5)]
    Patient.objects.filter(pk__in=[one.pk for one in everybody[:3]]).update(family_name="Holm")
    own = new_patient(clinic, radiographer, "OWN")
    Patient.objects.filter(pk=own.pk).update(family_name="Müller")
    User.objects.filter(pk=clinician.pk).update(full_name="Dr Eva Muller")
    look(clinician, own)
    look(radiologist, *everybody)
    found = access.unusual([clinic.pk], access.since(1), by=administrator)
    assert sorted((one.kind, one.person.pk, one.count) for one in found) == sorted(
        [("own", clinician.pk, 1), ("many", radiologist.pk, 5), ("neighbours", radiologist.pk, 3)]
    )
    client.force_login(administrator)
    page = client.get(reverse("diagnosis:oversight-access")).content.decode()
    assert "Dr Eva Muller" in page and "Müller" in page and "Many patients within an hour" in page
    last = AuditEvent.objects.order_by("pk").last()
    assert last is not None
    assert last.event == Event.TRAIL_USED and own.pk.hex in last.patients


def test_usual_looking_is_not(clinic: Clinic, radiographer: User, clinician: User, other_clinic: Clinic) -> None:
    look(clinician, *(new_patient(clinic, radiographer, f"N{number}") for number in range(4)))
    assert access.unusual([clinic.pk], access.since(1), by=clinician) == []
    assert access.unusual([clinic.pk], timezone.now() + timedelta(hours=1), by=clinician) == []
