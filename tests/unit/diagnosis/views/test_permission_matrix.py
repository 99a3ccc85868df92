"""What the permissions of each page should be; tests/integration/test_authorisation_matrix.py asks whether they are."""

from __future__ import annotations

import pytest
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
    "patient-confidential": (Patient, Permission.EDIT_PATIENT, "get"),
    # Open to them already, so it leads to the record.
    "patient-emergency": (Patient, None, "get"),
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


def may(role: str, needed: Permission | None) -> bool:
    return needed is None or needed in ROLES[role].permissions


def test_every_view_of_ours_is_listed() -> None:
    named = {pattern.name for pattern in urls.urlpatterns if hasattr(pattern, "name")}
    assert named == {*OBJECT_VIEWS, *CLINIC_VIEWS, *LISTS, *OPEN}


@pytest.mark.django_db
def test_a_person_without_a_clinic_is_told_so(as_: As) -> None:
    client = as_(User.objects.create_user("new@clinic.example", None, full_name="New"))
    for view in CLINIC_VIEWS:
        response = client.get(reverse(f"diagnosis:{view}"))
        assert response.status_code == 403, view
        assert "You are not a member of a clinic yet" in response.content.decode(), view
