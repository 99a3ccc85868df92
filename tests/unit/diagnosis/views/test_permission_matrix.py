"""Who gets through which door: the views and the people are listed, not the pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
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
def ask(prediction: Prediction, as_: As) -> Callable[[str, User], int]:
    """`ask(view, user)` → the status of the answer."""
    things: dict[type, Any] = {
        Prediction: prediction,
        Analysis: prediction.analysis,
        Study: prediction.analysis.study,
        Scan: prediction.analysis.scan,
        Patient: prediction.analysis.scan.patient,
    }

    def make(view: str, user: User) -> int:
        model, _, method = OBJECT_VIEWS[view]
        response = getattr(as_(user), method)(reverse(f"diagnosis:{view}", args=[things[model].pk]))
        response.close()
        return int(response.status_code)

    return make


def test_every_view_of_ours_is_listed() -> None:
    named = {pattern.name for pattern in urls.urlpatterns if hasattr(pattern, "name")}
    assert named == {*OBJECT_VIEWS, *CLINIC_VIEWS, *LISTS, *OPEN}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("view", OBJECT_VIEWS)
def test_a_colleague_gets_what_the_role_allows(
    ask: Callable[[str, User], int], member: Callable[..., User], view: str, role: str
) -> None:
    needed = OBJECT_VIEWS[view][1]
    status = ask(view, member(role))
    if needed and needed not in ROLES[role].permissions:
        assert status == 403
    elif view == "analysis-cancel":
        assert status == 409  # it has finished
    else:
        assert status in (200, 302)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("view", OBJECT_VIEWS)
def test_another_clinics_object_is_not_there(
    ask: Callable[[str, User], int], member: Callable[..., User], other_clinic: Any, view: str, role: str
) -> None:
    assert ask(view, member(role, at=other_clinic)) == 404


@pytest.mark.parametrize("view", OBJECT_VIEWS)
def test_someone_who_left_sees_nothing(ask: Callable[[str, User], int], member: Callable[..., User], view: str) -> None:
    user = member("radiologist")
    user.memberships.update(is_active=False)
    assert ask(view, user) == 404


@pytest.mark.parametrize("view", OBJECT_VIEWS)
def test_nobody_enters_unknown(prediction: Prediction, view: str) -> None:
    model, _, method = OBJECT_VIEWS[view]
    thing = {Prediction: prediction, Analysis: prediction.analysis, Scan: prediction.analysis.scan}.get(
        model, prediction.analysis.scan.patient
    )
    response = getattr(Client(), method)(reverse(f"diagnosis:{view}", args=[thing.pk]))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("view", CLINIC_VIEWS)
def test_the_clinics_pages_follow_the_role(as_: As, member: Callable[..., User], view: str, role: str) -> None:
    needed = CLINIC_VIEWS[view]
    status = as_(member(role)).get(reverse(f"diagnosis:{view}")).status_code
    assert status == (200 if needed is None or needed in ROLES[role].permissions else 403)


@pytest.mark.django_db
@pytest.mark.parametrize("view", CLINIC_VIEWS)
def test_a_person_without_a_clinic_is_told_so(as_: As, view: str) -> None:
    user = User.objects.create_user("new@clinic.example", None, full_name="New")
    response = as_(user).get(reverse(f"diagnosis:{view}"))
    assert response.status_code == 403
    assert "You are not a member of a clinic yet" in response.content.decode()


@pytest.mark.parametrize("view", [name for name, (_, _, method) in OBJECT_VIEWS.items() if method == "post"])
def test_what_changes_something_is_not_done_by_a_link(
    finished: Analysis, as_: As, radiologist: User, view: str
) -> None:
    thing = finished if OBJECT_VIEWS[view][0] is Analysis else finished.scan
    assert as_(radiologist).get(reverse(f"diagnosis:{view}", args=[thing.pk])).status_code == 405
