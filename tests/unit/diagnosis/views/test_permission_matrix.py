"""Who gets through which door: the views and the people are listed, not the pairs.

One analysed scan serves them all: what an answer changed is rolled back before the next person asks. How every address
of the portal answers is in docs/authorisation.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.permissions import Permission
from accounts.roles import ROLES
from diagnosis import urls
from diagnosis.models import Analysis, Patient, Prediction, Scan, Study
from tests.unit.diagnosis.views.conftest import As

# View → the object in its address, what it takes beside seeing the clinic, and how it is asked.
OBJECT_VIEWS: dict[str, tuple[type, Permission | None, str]] = {
    "patient-detail": (Patient, None, "get"),
    "patient-compare": (Patient, None, "get"),
    "patient-edit": (Patient, Permission.EDIT_PATIENT, "get"),
    "patient-access": (Patient, Permission.MANAGE_CLINIC, "get"),
    "scan-upload": (Patient, Permission.UPLOAD_SCAN, "get"),
    "study-detail": (Study, Permission.VIEW_RESULT, "get"),
    "study-result": (Study, Permission.VIEW_RESULT, "get"),
    "patient-follow": (Patient, Permission.VIEW_RESULT, "post"),
    "study-follow": (Study, Permission.VIEW_RESULT, "post"),
    "study-ordered-by": (Study, Permission.UPLOAD_SCAN, "post"),
    "study-critical": (Study, Permission.REVIEW_SCAN, "get"),
    # Or having uploaded it, while nobody has read it: tests/integration/test_regrouping.py
    "study-regroup": (Study, Permission.MANAGE_CLINIC, "get"),
    "scan-detail": (Scan, Permission.VIEW_RESULT, "get"),
    "scan-result": (Scan, Permission.VIEW_RESULT, "get"),
    "scan-image": (Scan, None, "get"),
    "scan-thumbnail": (Scan, None, "get"),
    "scan-original": (Scan, None, "get"),
    "scan-attention": (Scan, Permission.VIEW_RESULT, "post"),
    "analysis-rerun": (Scan, Permission.REQUEST_ANALYSIS, "post"),
    "analysis-detail": (Analysis, Permission.VIEW_RESULT, "get"),
    "analysis-cancel": (Analysis, Permission.REQUEST_ANALYSIS, "post"),
    "prediction-attention": (Prediction, Permission.VIEW_RESULT, "get"),
    "prediction-seen": (Prediction, None, "get"),
}
CLINIC_VIEWS: dict[str, Permission | None] = {
    "home": None,
    "patient-list": None,
    "patient-create": Permission.EDIT_PATIENT,
    "upload": Permission.UPLOAD_SCAN,
    "scan-list": None,
}
# Answers for whatever the person may see, and for nothing else.
LISTS = {"scan-progress"}
# Of the installation and no clinic: open to everybody who is signed in.
OPEN = {"model-card"}


@pytest.fixture
def things(prediction: Prediction) -> dict[type, Any]:
    """What stands in the addresses."""
    return {
        Prediction: prediction,
        Analysis: prediction.analysis,
        Study: prediction.analysis.study,
        Scan: prediction.analysis.scan,
        Patient: prediction.analysis.scan.patient,
    }


def ask(client: Client, view: str, things: dict[type, Any], *, method: str | None = None) -> Any:
    """The answer to a view about one of the `things`; nothing that it changed remains."""
    model, _, usual = OBJECT_VIEWS[view]
    return send(client, method or usual, reverse(f"diagnosis:{view}", args=[things[model].pk]))


def send(client: Client, method: str, address: str) -> Any:
    with transaction.atomic():
        response = getattr(client, method)(address)
        response.getvalue()  # files are read to their end, and closed
        transaction.set_rollback(True)
    return response


def may(role: str, needed: Permission | None) -> bool:
    return needed is None or needed in ROLES[role].permissions


def test_every_view_of_ours_is_listed() -> None:
    named = {pattern.name for pattern in urls.urlpatterns if hasattr(pattern, "name")}
    assert named == {*OBJECT_VIEWS, *CLINIC_VIEWS, *LISTS, *OPEN}


def test_each_gets_through_the_doors_of_the_role_and_no_other(
    things: dict[type, Any], as_: As, member: Callable[..., User], other_clinic: Any
) -> None:
    faults = []
    for role in ROLES:
        faults += _faults_of_a_colleague(as_(member(role)), role, things)
        faults += _not_hidden(as_(member(role, at=other_clinic)), f"{role} of another clinic", things)
    left = member("radiologist")
    left.memberships.update(is_active=False)
    faults += _not_hidden(as_(left), "someone who left", things)
    faults += _open_to_the_unknown(things)
    faults += _changed_by_a_link(as_(member("radiologist")), things)
    assert faults == []


def _faults_of_a_colleague(client: Client, role: str, things: dict[type, Any]) -> Iterator[str]:
    for view, (_, needed, _) in OBJECT_VIEWS.items():
        status = ask(client, view, things).status_code
        # The one that is to be cancelled has finished.
        allowed = (409,) if view == "analysis-cancel" else (200, 302)
        if status not in (allowed if may(role, needed) else (403,)):
            yield f"{view} answers {role} with {status}"
    for view, needed in CLINIC_VIEWS.items():
        status = send(client, "get", reverse(f"diagnosis:{view}")).status_code
        if status != (200 if may(role, needed) else 403):
            yield f"{view} answers {role} with {status}"


def _not_hidden(client: Client, who: str, things: dict[type, Any]) -> Iterator[str]:
    for view in OBJECT_VIEWS:
        if (status := ask(client, view, things).status_code) != 404:
            yield f"{view} answers {who} with {status}"


def _open_to_the_unknown(things: dict[type, Any]) -> Iterator[str]:
    for view in OBJECT_VIEWS:
        response = ask(Client(), view, things)
        if response.status_code != 302 or not response["Location"].startswith(reverse("account_login")):
            yield f"{view} answers a stranger with {response.status_code}"


def _changed_by_a_link(client: Client, things: dict[type, Any]) -> Iterator[str]:
    for view, (_, _, method) in OBJECT_VIEWS.items():
        if method == "post" and (status := ask(client, view, things, method="get").status_code) != 405:
            yield f"{view} answers a link with {status}"


@pytest.mark.django_db
def test_a_person_without_a_clinic_is_told_so(as_: As) -> None:
    client = as_(User.objects.create_user("new@clinic.example", None, full_name="New"))
    for view in CLINIC_VIEWS:
        response = client.get(reverse(f"diagnosis:{view}"))
        assert response.status_code == 403, view
        assert "You are not a member of a clinic yet" in response.content.decode(), view
