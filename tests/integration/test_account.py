"""One's own account: clinics and API tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, Clinic, Membership, User
from accounts.models.api_token import digest
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


@pytest.fixture
def traveller(clinician: User, other_clinic: Clinic) -> User:
    """Works in two clinics, in another role in each."""
    Membership.objects.create(user=clinician, clinic=other_clinic, role="radiologist")
    return clinician


def page(client: Client) -> str:
    return client.get(reverse("accounts:profile")).content.decode()


def switch(client: Client, membership: Any) -> Any:
    return client.post(reverse("accounts:switch_clinic"), {"membership": membership})


def test_the_account_shows_every_clinic_and_role(client: Client, traveller: User) -> None:
    client.force_login(traveller)
    shown = page(client)
    for membership in traveller.memberships.all():
        assert membership.clinic.name in shown
        assert str(membership.role_class.description) in shown


def test_without_a_clinic_it_says_what_to_do(client: Client) -> None:
    client.force_login(User.objects.create_user("new@clinic.example", PASSWORD, full_name="New Here"))
    shown = page(client)
    assert "Ask an administrator to add you to one." in shown
    assert "Create token" not in shown


def test_the_switcher_is_there_for_those_with_several_clinics(
    client: Client, traveller: User, radiographer: User
) -> None:
    client.force_login(radiographer)
    assert "Change clinic" not in page(client)
    client.force_login(traveller)
    assert "Change clinic" in page(client)


def test_switching_lasts_for_the_session(client: Client, traveller: User, other_clinic: Clinic) -> None:
    client.force_login(traveller)
    there = traveller.memberships.get(clinic=other_clinic)
    answer = switch(client, there.pk)
    assert (answer.status_code, answer.url) == (302, reverse("diagnosis:home"))
    shown = page(client)
    assert "You now work in South Clinic as Radiologist." in shown
    assert 'Radiologist, <span translate="no">South Clinic</span>' in shown
    assert 'Radiologist, <span translate="no">South Clinic</span>' in page(client)


def test_nobody_switches_to_a_clinic_of_others(client: Client, clinician: User, stranger: User) -> None:
    client.force_login(clinician)
    assert switch(client, stranger.memberships.get().pk).status_code == 404


def test_nobody_switches_to_a_clinic_that_they_left(client: Client, traveller: User, other_clinic: Clinic) -> None:
    traveller.memberships.filter(clinic=other_clinic).update(is_active=False)
    client.force_login(traveller)
    assert switch(client, traveller.memberships.get(clinic=other_clinic).pk).status_code == 404


@pytest.mark.parametrize("nonsense", ["", "x", "-1", "0", "²", "1e3", "9" * 12])
def test_nonsense_is_not_found(client: Client, clinician: User, nonsense: str) -> None:
    client.force_login(clinician)
    assert switch(client, nonsense).status_code == 404


# --- tokens ------------------------------------------------------------------------------------------------


def ask(client: Client, user: User, **changes: Any) -> Any:
    membership = user.memberships.first()
    assert membership is not None
    chosen = {"scopes": "*", "days": "90"}
    fields = {"name": "Ward 3 scanner", "membership": membership.pk} | chosen | changes
    return client.post(reverse("accounts:issue_token"), fields)


def confirm(client: Client, password: str = PASSWORD) -> Any:
    fields = {"password": password, "next": reverse("accounts:issue_token")}
    return client.post(reverse("account_reauthenticate"), fields)


def test_a_token_takes_the_password_again_and_is_shown_once(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    door = ask(client, clinician)
    assert door.status_code == 302
    assert door.url.startswith(reverse("account_reauthenticate"))
    assert not ApiToken.objects.exists()
    assert "This is not your password." in confirm(client, "a guess").content.decode()
    assert not ApiToken.objects.exists()
    answer = confirm(client)
    found = re.search(r"cip_[\w-]+", answer.content.decode())
    assert found is not None
    token = ApiToken.objects.get()
    assert token.digest == digest(found[0])
    assert (token.name, token.membership.user) == ("Ward 3 scanner", clinician)
    assert "no-store" in answer.headers["Cache-Control"]
    assert found[0] not in page(client)


def test_a_token_opens_the_api(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    ask(client, clinician)
    secret = re.search(r"cip_[\w-]+", confirm(client).content.decode())
    assert secret is not None
    answer = Client().get("/api/v1/patients/", headers={"Authorization": f"Bearer {secret[0]}"})
    assert answer.status_code == 200


def test_reloading_the_answer_leads_back_and_makes_no_second_token(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    ask(client, clinician)
    confirm(client)
    assert client.get(reverse("accounts:issue_token")).url == reverse("accounts:profile")
    assert confirm(client).url == reverse("accounts:issue_token")
    assert ApiToken.objects.count() == 1


def test_nobody_makes_a_token_for_somebody_else(client: Client, clinician: User, stranger: User) -> None:
    client.force_login(clinician)
    ask(client, clinician, membership=stranger.memberships.get().pk)
    assert confirm(client).status_code == 422
    assert not ApiToken.objects.exists()


def test_a_token_needs_a_name(client: Client, clinician: User) -> None:
    client.force_login(clinician)
    ask(client, clinician, name=" ")
    answer = confirm(client)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()


@pytest.fixture
def token_of() -> Callable[[User], ApiToken]:
    return lambda user: ApiToken.objects.issue(membership=user.memberships.get(), name="Ward 3 scanner")[0]


def test_revoking_closes_a_token(client: Client, clinician: User, token_of: Callable[[User], ApiToken]) -> None:
    token = token_of(clinician)
    client.force_login(clinician)
    answer = client.post(reverse("accounts:revoke_token", args=[token.pk]), follow=True)
    shown = answer.content.decode()
    assert "is revoked and no longer gives access" in shown
    assert "Revoked" in shown
    assert not ApiToken.objects.usable().exists()


def test_nobody_revokes_the_token_of_somebody_else(
    client: Client, clinician: User, radiographer: User, token_of: Callable[[User], ApiToken]
) -> None:
    token = token_of(radiographer)
    client.force_login(clinician)
    assert client.post(reverse("accounts:revoke_token", args=[token.pk])).status_code == 404
    assert "Ward 3 scanner" not in re.sub(r"For example [^<]*", "", page(client))
    assert ApiToken.objects.usable().filter(pk=token.pk).exists()


def test_whoever_has_no_password_yet_is_led_to_the_link_that_sets_one(client: Client) -> None:
    client.force_login(User.objects.create_user("new@clinic.example", None, full_name="New"))
    answer = client.get(reverse("account_change_password"), follow=True)
    assert answer.redirect_chain == [(reverse("account_reset_password"), 302)]
    assert answer.status_code == 200
