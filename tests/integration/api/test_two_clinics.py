"""A person who works in two clinics has in each the rights of the role there, also by a session, which is of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Clinic, Membership, User
from accounts.permissions import Permission
from accounts.roles import ROLES
from diagnosis.actions.report import sign_report
from diagnosis.models import ImageResult, Prediction
from orders.actions import receive_order
from orders.models import OrderSource
from tests.conftest import PASSWORD
from tests.factories import finish, new_case, new_patient, read

API = "/api/v1/"


def test_a_role_in_one_clinic_opens_nothing_in_another(
    other_clinic: Clinic, stranger: User, member: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = member("radiographer", at=other_clinic)
    review = new_case(sender, new_patient(other_clinic, sender, "THERE"))
    analysis = finish(review.study.representative, 0.9)
    settled = read(stranger, review, decision="agree", category="typical")
    report = sign_report(by=stranger, report=settled.report, password=PASSWORD)
    source = OrderSource.objects.create(clinic=other_clinic, name="RIS")
    order = receive_order(source=source, patient=review.study.patient, requested_at=timezone.now())
    prediction, result = Prediction.objects.get(), ImageResult.objects.get()
    addresses = {
        "radiologist": (f"reviews/{review.pk}/", f"reports/{report.pk}/", f"analyses/{analysis.pk}/"),
        "administrator": (f"orders/{order.pk}/", f"people/{stranger.memberships.get().pk}/"),
    }
    lists = {"radiologist": ("reviews/", "reports/"), "administrator": ("orders/", "people/")}
    # No role sees patients and no results; one that did would open these nevertheless.
    monkeypatch.setattr(ROLES["clinician"], "permissions", frozenset({Permission.VIEW_PATIENT}))
    for role, listed in lists.items():
        client, person = Client(), member(role)
        Membership.objects.create(user=person, clinic=other_clinic, role="clinician")
        client.force_login(person)
        for address in listed:
            found: list[dict[str, Any]] = client.get(API + address).json()["results"]
            assert str(other_clinic.pk) not in {one.get("clinic") for one in found}, address
            assert address == "people/" or not found
        for address in addresses[role]:
            assert client.get(API + address).status_code in (403, 404), address
        image = client.get(f"{API}images/{result.image_id}/").json()
        assert (image["id"], image["result"]) == (str(result.image_id), None)
        assert client.get(f"{API}predictions/{prediction.pk}/attention.png").status_code == 404
