"""Orders as ServiceRequest, and what answers them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from diagnosis.actions.correction import merge_patients
from diagnosis.actions.report import sign_report
from diagnosis.models import Patient, Scan, Study
from orders import actions, following
from orders.models import Order
from orders.states import FHIR_STATUS, OrderStatus
from tests.conftest import PASSWORD
from tests.factories import new_patient, read
from tests.fhir_validator import faults
from tests.unit.fhir.test_fhir import asking, found, ids, refused
from tests.unit.orders.conftest import order, source

__all__ = ["order", "source"]  # fixtures
pytestmark = pytest.mark.django_db
Ordering = Callable[..., Order]


def test_each_state_of_an_order_has_one_status() -> None:
    """Completed is what has its answer, the signed report; images alone are not it."""
    assert {state.value: FHIR_STATUS[state] for state in OrderStatus} == {
        "ordered": "active",
        "scheduled": "active",
        "acquired": "active",
        "reported": "active",
        "authorised": "completed",
        "cancelled": "revoked",
    }


def test_an_order_is_found_and_its_answers_refer_to_it(
    patient: Patient, scan: Scan, order: Ordering, radiologist: User, administrator: User, stranger: User
) -> None:
    Study.objects.update(accession_number="A1")
    words = {"clinical_question": "Pneumonia?", "referring_physician": "Dr Ada Ward", "priority": "urgent"}
    code = {"procedure_code": "XR-1", "procedure_description": "Chest", "modality": "DX"}
    placed = order(accession_number="A1", placer_number="P1", scheduled_at=timezone.now(), **words, **code)
    other = order(placer_number="P2")
    actions.withdraw_order(other, by=administrator)
    client = asking(administrator)
    told: list[dict[str, Any]] = [found(client, f"ServiceRequest/{placed.pk}")]
    [study] = found(client, f"ImagingStudy?basedon=ServiceRequest/{placed.pk}&_include=ImagingStudy:basedon")["entry"][
        :1
    ]
    assert study["resource"]["basedOn"] == [{"reference": f"ServiceRequest/{placed.pk}"}]
    report = read(radiologist, scan.reviews.get()).report
    sign_report(by=radiologist, report=report, password=PASSWORD)
    following.study_changed(scan.study_id)
    told.append(found(client, f"ServiceRequest/{placed.pk}"))
    assert [one["status"] for one in told] == ["active", "completed"]
    assert told[0]["meta"]["lastUpdated"] < told[1]["meta"]["lastUpdated"]
    assert (told[0]["priority"], told[0]["intent"]) == ("urgent", "order")
    answer = found(client, f"DiagnosticReport?based-on={placed.pk}&_include=DiagnosticReport:based-on")["entry"]
    assert [one["resource"]["resourceType"] for one in answer] == ["DiagnosticReport", "ServiceRequest"]
    assert answer[0]["resource"]["basedOn"] == [{"reference": f"ServiceRequest/{placed.pk}"}]
    revoked = found(client, f"ServiceRequest/{other.pk}")
    assert revoked["status"] == "revoked"
    assert not faults([*told, revoked, study["resource"], *(one["resource"] for one in answer)])
    mine = [str(placed.pk)]
    source, clinic = placed.source_id, placed.clinic_id
    for each in (
        *("identifier=P1", "identifier=A1", f"identifier=urn:uuid:{source}|P1", f"identifier=urn:uuid:{clinic}|A1"),
        *("status=completed", "status=http://hl7.org/fhir/request-status|completed", "occurrence=ge2020"),
        f"_id={placed.pk}",
    ):
        assert ids(client, f"ServiceRequest?{each}") == mine, each
    for each in (f"patient={patient.pk}", "patient.identifier=MRN-0001", "status=completed,revoked", "authored=ge2020"):
        assert sorted(ids(client, f"ServiceRequest?{each}")) == sorted([*mine, str(other.pk)]), each
    for each in (f"identifier=urn:uuid:{source}|A1", "status=draft", "status=elsewhere|active", "identifier=A"):
        assert ids(client, f"ServiceRequest?{each}") == [], each
    # Who follows no orders, and who is of another clinic.
    for address in (f"ImagingStudy/{scan.study_id}", f"DiagnosticReport/{report.pk}"):
        assert "basedOn" in found(client, address)
        assert "basedOn" not in found(asking(radiologist), address)
    for person in (radiologist, stranger):
        assert refused(asking(person), f"ServiceRequest/{placed.pk}")[0] == 404
        assert ids(asking(person), "ServiceRequest") == []
    assert AuditEvent.objects.filter(route="GET fhir:ServiceRequest", patient=patient.pk).exists()


def test_what_the_ordering_system_changes_has_another_version(
    patient: Patient, order: Ordering, administrator: User
) -> None:
    placed = order(placer_number="P1", scheduled_at=timezone.now() + timedelta(days=1))
    client, address = asking(administrator), f"/fhir/ServiceRequest/{placed.pk}"
    before = client.get(address)
    actions.change_order(placed, by=placed.placed_by, patient=patient, clinical_question="Effusion?")
    after = client.get(address, headers={"If-None-Match": before["ETag"]})
    assert after.json()["reasonCode"] == [{"text": "Effusion?"}]
    assert after.json()["meta"]["lastUpdated"] > before.json()["meta"]["lastUpdated"]
    # With its record goes the order.
    became = new_patient(patient.clinic, administrator, "BECAME")
    merge_patients(by=administrator, source=patient, target=became, reason="The same person.")
    assert client.get(address).json()["subject"] == {"reference": f"Patient/{became.pk}"}
    assert ids(client, f"ServiceRequest?patient={became.pk}") == [str(placed.pk)]
    last = new_patient(patient.clinic, administrator, "LAST")
    merge_patients(by=administrator, source=became, target=last, reason="The same person again.")
    assert client.get(address).json()["subject"] == {"reference": f"Patient/{last.pk}"}
    for one in (patient, became, last):
        assert ids(client, f"ServiceRequest?subject=Patient/{one.pk}") == [str(placed.pk)]
        assert ids(client, f"ServiceRequest?patient.identifier={one.medical_record_number}") == [str(placed.pk)]


def test_a_token_needs_the_scope_of_orders(order: Ordering, administrator: User) -> None:
    from accounts.models import ApiToken

    placed = order(placer_number="P1")
    issue = ApiToken.objects.issue
    secrets = [
        issue(membership=administrator.memberships.get(), name=held, scopes=held)[1]
        for held in ("system/ServiceRequest.r", "system/ImagingStudy.rs")
    ]
    found = [
        Client().get(f"/fhir/ServiceRequest/{placed.pk}", headers={"Authorization": f"Bearer {one}"}).status_code
        for one in secrets
    ]
    assert found == [200, 403]
