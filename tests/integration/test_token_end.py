"""An API token ends with the password, the role and the account that it stands for, and does not come back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import make_password

from accounts.models import ApiToken, Clinic, Membership, User


@pytest.fixture
def token(radiographer: User) -> ApiToken:
    return ApiToken.objects.issue(membership=radiographer.memberships.get(), name="ward 3 scanner")[0]


def new_password(user: User) -> None:
    user.set_password("another long password")
    user.save()


def deactivated_for_a_while(user: User) -> None:
    user.is_active = False
    user.save()
    user.is_active = True
    user.save()


def another_role_for_a_while(user: User) -> None:
    membership = user.memberships.get()
    for role in ("clinician", "radiographer"):
        membership.role = role
        membership.save()


def left_for_a_while(user: User) -> None:
    membership = user.memberships.get()
    for active in (False, True):
        membership.is_active = active
        membership.save()


def another_clinic_for_a_while(user: User) -> None:
    membership = user.memberships.get()
    for clinic in (Clinic.objects.create(name="Elsewhere"), membership.clinic):
        membership.clinic = clinic
        membership.save()


CHANGES = [
    *(new_password, deactivated_for_a_while, another_role_for_a_while, left_for_a_while),
    another_clinic_for_a_while,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_token_ends_with(token: ApiToken, radiographer: User, change: Callable[[User], None]) -> None:
    change(radiographer)
    assert not ApiToken.objects.usable().exists()


def test_a_token_outlives_everything_else(token: ApiToken, radiographer: User, other_clinic: Clinic) -> None:
    radiographer.full_name = "Somebody else"
    radiographer.save()
    radiographer.memberships.get().save()
    elsewhere = Membership.objects.create(user=radiographer, clinic=other_clinic, role="clinician")
    elsewhere.role = "radiographer"
    elsewhere.save()
    # The hash alone is written anew when Django asks for more rounds; the password stays.
    radiographer.password = make_password("a long password for tests")
    radiographer.save(update_fields=["password"])
    assert list(ApiToken.objects.usable()) == [token]
