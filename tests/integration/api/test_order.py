"""Orders as programs see them: for those who follow them on the pages."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import ApiToken, User
from audit.models import AuditEvent
from diagnosis.actions.confidentiality import mark_confidential
from diagnosis.actions.correction import merge_patients
from diagnosis.actions.deletion import confirm_deletion, request_deletion
from diagnosis.models import Patient, Scan, Study
from diagnosis.rules.deletions import contents
from orders import actions, following
from orders.models import Order
from tests.factories import new_patient
from tests.integration.api.conftest import Api
from tests.pages import queries
from tests.unit.orders.conftest import order, source

__all__ = ["order", "source"]  # fixtures
ORDERS = "/api/v1/orders/"
Ordering = Callable[..., Order]


def listed(client: Any, **asked: str) -> list[str]:
    answer = client.get(ORDERS, asked)
    assert answer.status_code == 200, answer.content
    return [one["id"] for one in answer.json()["results"]]


def test_an_order_tells_what_was_asked_for_and_which_study_answers_it(
    patient: Patient, scan: Scan, order: Ordering, radiographer: User, api: Api
) -> None:
    client = api(radiographer)
    words = {"clinical_question": "Pneumonia?", "referring_physician": "Dr Ada Ward", "priority": "urgent"}
    code = {"procedure_code": "XR-1", "procedure_description": "Chest", "modality": "DX"}
    placed = order(accession_number="A1", placer_number="P1", **words, **code)
    address = f"{ORDERS}{placed.pk}/"
    told = client.get(address).json()
    assert {name: told[name] for name in (*words, *code)} == {**words, **code}
    assert (told["accession_number"], told["placer_number"], told["placed_by"]) == ("A1", "P1", "RIS")
    assert (told["status"], told["study"], "study" in told["links"]) == ("ordered", None, False)
    assert client.get(told["links"]["patient"]).json()["id"] == told["patient"] == str(patient.pk)

    Study.objects.update(accession_number="A1")
    following.study_filed(scan.study_id)
    told = client.get(told["links"]["self"]).json()
    assert (told["status"], told["study"]) == ("acquired", str(scan.study_id))
    assert client.get(told["links"]["study"]).json()["accession_number"] == "A1"
    assert client.get(ORDERS).json()["results"] == [told]
    routes = AuditEvent.objects.filter(person=radiographer.pk, object_type__endswith="orders.order").values_list(
        "route", "patient"
    )
    assert {("GET api:order", patient.pk)} < set(routes)
    assert [one for one in routes if one[0] == "GET api:orders"], "the list is told too"


def test_lists_are_filtered_and_come_in_pages(
    patient: Patient, order: Ordering, administrator: User, radiographer: User, api: Api
) -> None:
    client = api(administrator)
    soon, later = (
        order(placer_number=number, accession_number=number, scheduled_at=timezone.now() + timedelta(days=days))
        for number, days in (("A1", 1), ("A2", 2))
    )
    actions.withdraw_order(soon, by=administrator)
    other = new_patient(patient.clinic, radiographer, "OTHER")
    third = order(of=other, placer_number="P3", requested_at=timezone.now() - timedelta(days=1))
    both = [str(later.pk), str(soon.pk)]
    assert listed(client) == [*both, str(third.pk)]
    assert listed(client, accession_number="A1") == listed(client, status="cancelled") == [str(soon.pk)]
    assert listed(client, accession_number="a") == listed(client, patient=str(uuid.uuid4())) == []
    assert listed(client, patient=str(patient.pk)) == both
    for empty in ("accession_number", "patient", "status"):
        assert client.get(ORDERS, {empty: ""}).json()["code"] == "empty_parameter"
    assert client.get(ORDERS, {"status": "lost"}).status_code == 400
    first = client.get(ORDERS, {"page_size": "2"}).json()
    assert [one["id"] for one in first["results"]] == both
    assert [one["id"] for one in client.get(first["next"]).json()["results"]] == [str(third.pk)]
    # With its record goes the order.
    merge_patients(by=administrator, source=patient, target=other, reason="The same person.")
    told = client.get(f"{ORDERS}{later.pk}/").json()
    assert told["patient"] == str(other.pk)
    assert listed(client, patient=str(other.pk)) == [*both, str(third.pk)]
    last = new_patient(patient.clinic, radiographer, "LAST")
    merge_patients(by=administrator, source=other, target=last, reason="The same person.")
    assert listed(client, patient=str(last.pk)) == [*both, str(third.pk)]


@pytest.mark.parametrize("role", ["radiologist", "clinician", "trainee"])
def test_orders_are_for_those_who_follow_them(
    order: Ordering, member: Callable[..., User], api: Api, role: str
) -> None:
    client = api(member(role))
    for address in (ORDERS, f"{ORDERS}{order().pk}/"):
        answer = client.get(address)
        assert answer.status_code == 403
        assert "does not allow you to follow" in answer.json()["detail"]


def test_another_clinics_and_closed_records_orders_are_not_there(
    patient: Patient, order: Ordering, administrator: User, member: Callable[..., User], other_clinic: Any, api: Api
) -> None:
    placed = order(accession_number="A1")
    outside, sender = member("radiographer", at=other_clinic), member("radiographer")
    assert listed(api(sender)) == [str(placed.pk)]
    mark_confidential(by=administrator, patient=patient)
    for person in (outside, sender):
        client = api(person)
        assert listed(client) == listed(client, accession_number="A1") == listed(client, patient=str(patient.pk)) == []
        assert client.get(f"{ORDERS}{placed.pk}/").status_code == 404
        assert client.get(ORDERS, {"cursor": str(placed.pk)}).json()["code"] == "unknown_cursor"
    assert listed(api(administrator)) == [str(placed.pk)]


def test_an_order_goes_with_the_study_that_is_deleted(
    scan: Scan, order: Ordering, member: Callable[..., User], administrator: User, radiographer: User, api: Api
) -> None:
    client, placed = api(radiographer), order(accession_number="A1")
    Study.objects.update(accession_number="A1")
    following.study_filed(scan.study_id)
    study = client.get(f"{ORDERS}{placed.pk}/").json()["links"]["study"]
    deletion = request_deletion(by=administrator, study=scan.study, reason="Uploaded twice.")
    confirm_deletion(by=member("administrator"), deletion=deletion, seen=contents(scan.study))
    assert client.get(study).status_code == 410
    assert client.get(f"{ORDERS}{placed.pk}/").status_code == 404
    assert listed(client) == []


def test_a_token_needs_the_scope_of_orders(order: Ordering, radiographer: User, api: Api) -> None:
    placed, client = order(), api(radiographer)
    for held, statuses in (
        ("ServiceRequest.s", [200, 403]),
        ("ServiceRequest.r", [403, 200]),
        ("Patient.rs", [403] * 2),
    ):
        ApiToken.objects.update(scopes=f"system/{held}")
        assert [client.get(address).status_code for address in (ORDERS, f"{ORDERS}{placed.pk}/")] == statuses


def test_more_orders_take_no_more_queries(order: Ordering, radiographer: User, api: Api) -> None:
    client: Any = api(radiographer)
    order()
    client.get(ORDERS)  # notes the token's use
    few = queries(client, ORDERS)
    for _another in range(3):
        order()
    assert len(listed(client)) == 4
    assert queries(client, ORDERS) == few
