"""The demonstration clinic's staff: one person a role, and a site administrator."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.db import transaction

from accounts.models import Clinic, Membership, User
from accounts.roles import ROLES, Role
from diagnosis.models import ClassifierRule
from diagnosis.models.classifier_rule import ClassifierState
from diagnosis.models.modality import Modality
from diagnosis.rules.classifiers import panel_name

CLINIC = "Demonstration Clinic"
# A domain that nobody can own (RFC 2606).
DOMAIN = "demo.example"
SITE_ADMINISTRATOR = f"site@{DOMAIN}"
NAMES = {
    "radiographer": "Robin Fields",
    "clinician": "Kim Okafor",
    "trainee": "Noor Haddad",
    "radiologist": "Ana Lindqvist",
    "administrator": "Sam Moreau",
}


@dataclass(frozen=True)
class Login:
    """An account that was made just now; its password is known here and nowhere else."""

    who: str
    email: str
    password: str


@transaction.atomic
def ensure_staff() -> tuple[Clinic, list[Login]]:
    """The clinic, and the logins of those members who had no account yet."""
    clinic, is_new = Clinic.objects.get_or_create(name=CLINIC)
    if is_new:
        _show_ct(clinic)
    logins = [login for role in ROLES.values() if (login := _ensure_member(clinic, role))]
    if login := _ensure_site_administrator():
        logins.append(login)
    return clinic, logins


def _show_ct(clinic: Clinic) -> None:
    """Off in a new clinic; the demonstration shows results of both kinds, of images of nobody."""
    ClassifierRule.objects.create(
        clinic=clinic,
        subject=panel_name(Modality.CT),
        state=ClassifierState.ACTIVE,
        reason="Demonstration with made images.",
    )


def member(clinic: Clinic, role: type[Role]) -> User:
    return User.objects.get(email=_email(role), memberships__clinic=clinic)


def _email(role: type[Role]) -> str:
    return f"{role.slug}@{DOMAIN}"


def _ensure_member(clinic: Clinic, role: type[Role]) -> Login | None:
    if User.objects.filter(email=_email(role)).exists():
        return None
    login = Login(str(role.name), _email(role), secrets.token_urlsafe(12))
    user = User.objects.create_user(login.email, login.password, full_name=NAMES.get(role.slug, str(role.name)))
    Membership.objects.create(user=user, clinic=clinic, role=role.slug)
    return login


def _ensure_site_administrator() -> Login | None:
    if User.objects.filter(email=SITE_ADMINISTRATOR).exists():
        return None
    login = Login("Site administrator (admin panel)", SITE_ADMINISTRATOR, secrets.token_urlsafe(12))
    User.objects.create_superuser(login.email, login.password, full_name="Site administrator")
    return login
