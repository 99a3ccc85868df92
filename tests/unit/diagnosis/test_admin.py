"""The administration: to read, for administrators of the clinic alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from diagnosis.models import Analysis, Patient, Scan

MODELS = ("patient", "scan", "analysis")


@pytest.fixture
def staff(member: Callable[..., User]) -> Callable[..., Client]:
    """`staff("administrator")`: signed in with the right to open the admin panel."""

    def make(role: str, *, at: Clinic | None = None, **flags: bool) -> Client:
        user = member(role, at=at)
        for name, value in {"is_staff": True, **flags}.items():
            setattr(user, name, value)
        user.save()
        client = Client()
        client.force_login(user)
        return client

    return make


def found(client: Client, model: str) -> int | None:
    """How many rows the list shows; None where there is no list for the person."""
    response = client.get(reverse(f"admin:diagnosis_{model}_changelist"))
    return len(response.context["cl"].result_list) if response.status_code == 200 else None


@pytest.mark.parametrize("model", MODELS)
def test_an_administrator_sees_the_clinic_and_nobody_else_does(
    scan: Scan, staff: Callable[..., Client], other_clinic: Clinic, model: str
) -> None:
    assert found(staff("administrator"), model) == 1
    assert found(staff("administrator", at=other_clinic), model) == 0
    assert found(staff("radiologist"), model) is None
    assert found(staff("administrator", is_staff=False), model) is None


@pytest.mark.parametrize("model", MODELS)
def test_being_superuser_opens_no_clinic(
    scan: Scan, staff: Callable[..., Client], other_clinic: Clinic, model: str
) -> None:
    assert found(staff("administrator", at=other_clinic, is_superuser=True), model) == 0


@pytest.mark.parametrize("model", MODELS)
def test_a_page_shows_no_way_around_the_permission(
    scan: Scan, patient: Patient, staff: Callable[..., Client], model: str
) -> None:
    thing: Any = {"patient": patient, "scan": scan, "analysis": scan.analyses.get()}[model]
    response = staff("administrator").get(reverse(f"admin:diagnosis_{model}_change", args=[thing.pk]))
    shown = response.content.decode()
    assert response.status_code == 200
    assert scan.original.name not in shown
    assert 'name="_save"' not in shown


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("door", ["add", "delete", "change"])
def test_nothing_is_written_here(
    scan: Scan, patient: Patient, staff: Callable[..., Client], model: str, door: str
) -> None:
    thing: Any = {"patient": patient, "scan": scan, "analysis": scan.analyses.get()}[model]
    args = [] if door == "add" else [thing.pk]
    client = staff("administrator", is_superuser=True)
    assert client.post(reverse(f"admin:diagnosis_{model}_{door}", args=args), {"post": "yes"}).status_code == 403


def test_jobs_can_be_cancelled_and_run_again_from_the_list(scan: Scan, staff: Callable[..., Client]) -> None:
    client, address = staff("administrator"), reverse("admin:diagnosis_analysis_changelist")
    analysis = scan.analyses.get()
    client.post(address, {"action": "cancel", "_selected_action": [analysis.pk]})
    analysis.refresh_from_db()
    assert analysis.status == "cancelled"
    client.post(address, {"action": "run_again", "_selected_action": [analysis.pk]})
    assert [a.status for a in Analysis.objects.order_by("number")] == ["cancelled", "queued"]
    again = client.post(address, {"action": "run_again", "_selected_action": [analysis.pk]}, follow=True)
    assert "already being analysed" in again.content.decode()
    assert Analysis.objects.count() == 2


def test_the_records_history_is_told(patient: Patient, radiographer: User, staff: Callable[..., Client]) -> None:
    from diagnosis.actions.patient import amend_patient

    amend_patient(by=radiographer, patient=patient, given_name="Almut")
    shown = staff("administrator").get(reverse("admin:diagnosis_patient_change", args=[patient.pk])).content.decode()
    assert "given name: Alma → Almut" in shown
    assert radiographer.full_name in shown
