"""Every clinical row, seen by people of every kind: the rows and the people are listed, not the pairs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps

from accounts.models import Clinic, Membership, User
from accounts.roles import ROLES
from delivery.models import Destination
from diagnosis.analyses import runner
from diagnosis.models import Analysis, Patient, Phrase, Prediction, Scan
from diagnosis.models.base import ClinicalQuerySet
from network.models import RemoteEntity

DOORS = [Patient, Scan, Analysis, Prediction]
PEOPLE = [*ROLES, "stranger", "nobody", "superuser", "left", "locked out", "clinic closed", "works in both"]
INSIDE = {*ROLES, "works in both"}


@pytest.fixture
def person(member: Callable[..., User], clinic: Clinic, other_clinic: Clinic) -> Callable[[str], User]:
    def make(kind: str) -> User:
        if kind in ROLES:
            return member(kind)
        if kind == "stranger":
            return member("radiologist", at=other_clinic)
        if kind in ("nobody", "superuser"):
            admin = kind == "superuser"
            return User.objects.create_user("x@clinic.example", None, full_name="X", is_superuser=admin, is_staff=admin)
        user = member("radiologist")
        happened = {
            "left": lambda: user.memberships.update(is_active=False),
            "locked out": lambda: User.objects.filter(pk=user.pk).update(is_active=False),
            "clinic closed": lambda: Clinic.objects.filter(pk=clinic.pk).update(is_active=False),
            "works in both": lambda: Membership.objects.create(user=user, clinic=other_clinic, role="clinician"),
        }
        happened[kind]()
        return user

    return make


@pytest.fixture
def analysed(scan: Scan) -> None:
    runner.run(scan.analyses.get().pk, worker="test")


@pytest.mark.parametrize("kind", PEOPLE)
def test_who_sees_what(analysed: None, person: Callable[[str], User], kind: str) -> None:
    user = person(kind)
    seen = {model.__name__: model._default_manager.visible_to(user).exists() for model in DOORS}  # type: ignore[attr-defined]
    assert seen == {model.__name__: kind in INSIDE for model in DOORS}


def test_no_clinical_model_lacks_the_door() -> None:
    """A model of this application either has visible_to, or belongs wholly to a row that has."""
    own = [model for model in apps.get_app_config("diagnosis").get_models() if "Historical" not in model.__name__]
    without = {model.__name__ for model in own if not isinstance(model._default_manager.all(), ClinicalQuerySet)}
    assert without <= PARTS, "give it a ClinicalQuerySet, or name the row that it is a part of"


def test_every_door_knows_the_way_to_the_patient() -> None:
    """Else it would show the rows of a confidential record."""
    wrong = []
    for model in (one for app in ("diagnosis", "network", "delivery") for one in apps.get_app_config(app).get_models()):
        rows = model._default_manager.all()
        if not isinstance(rows, ClinicalQuerySet) or model in (Phrase, RemoteEntity, Destination):
            continue
        ways = (*rows.patient_paths, *([f"{rows.study_path}__patient"] if rows.study_path else []))
        wrong += [] if ways else [f"{model.__name__} knows none"]
        wrong += [
            f"{model.__name__}: {way} leads to no patient"
            for way in ways
            if way != "pk" and model._meta.get_field(way.partition("__")[0]).related_model is None
        ]
        str(rows.without_hidden(User(pk=uuid.uuid4())).query)  # every way exists
    assert not wrong


# Rows that are reached only through the row that they belong to: an analysis, a review, a report, a drawing, a clinic,
# a person, a token.
PARTS = {
    *("Transition", "ReviewTransition", "ReportTransition"),
    *("Draft", "FirstImpression", "Addendum", "ReadingPolicy", "ReadingPreference", "Notification"),
    *("KeyImage", "EnteredInError", "AttentionMap", "Follow", "SavedFilter", "Seal", "RetentionRule"),
    *("Confidentiality", "NamedPerson", "EmergencyAccess", "ClassifierRule", "KeptAnswer", "ErasedStudy"),
    *("DriftAlarm", "AcceptanceSet", "Acceptance", "ThresholdDecision"),
}


def test_each_clinic_sees_its_own_alone(
    analysed: None, stranger: User, other_clinic: Clinic, upload: Callable[..., Any], radiographer: User
) -> None:
    from diagnosis.actions.patient import register_patient

    theirs = register_patient(by=stranger, clinic=other_clinic, medical_record_number="1", family_name="Holm")
    their_scan = upload(of=theirs, by=stranger)
    assert list(Scan.objects.visible_to(stranger)) == [their_scan]
    assert their_scan not in Scan.objects.visible_to(radiographer)
    assert set(Scan.objects.in_clinic(other_clinic)) == {their_scan}
