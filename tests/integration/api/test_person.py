"""The people of a clinic as programs see them: for those who manage its staff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts import people
from accounts.models import ApiToken, Clinic, Membership, User
from tests.integration.api.conftest import Api
from tests.pages import queries

PEOPLE = "/api/v1/people/"


def listed(client: Any) -> list[dict[str, Any]]:
    answer = client.get(PEOPLE)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_people_are_told_with_role_and_state(
    clinic: Clinic, administrator: User, member: Callable[..., User], api: Api
) -> None:
    client = api(administrator)
    left, closed = member("radiologist"), member("clinician")
    people.deactivate(by=administrator, membership=left.memberships.get())
    User.objects.filter(pk=closed.pk).update(is_active=False)
    people.invite(by=administrator, clinic=clinic, full_name="anna New", email="anna@clinic.example", role="trainee")
    User.objects.filter(pk=administrator.pk).update(full_name="Berta Boss")
    told = listed(client)
    assert [(one["full_name"], one["role"], one["status"]) for one in told] == [
        ("anna New", "trainee", "invited"),
        ("Berta Boss", "administrator", "active"),
        (closed.full_name, "clinician", "account_closed"),
        (left.full_name, "radiologist", "deactivated"),
    ]
    assert (told[1]["email"], told[1]["clinic"]) == (administrator.email, str(clinic.pk))
    assert client.get(told[1]["links"]["self"]).json() == told[1]
    first = client.get(PEOPLE, {"page_size": "3"}).json()
    assert client.get(first["next"]).json()["results"] == told[3:]
    assert client.get(PEOPLE, {"name": "anna"}).json()["code"] == "unknown_parameter"


@pytest.mark.parametrize("role", ["radiographer", "clinician", "trainee", "radiologist"])
def test_people_are_for_those_who_manage_staff(member: Callable[..., User], api: Api, role: str) -> None:
    person = member(role)
    client = api(person)
    for address in (PEOPLE, f"{PEOPLE}{person.memberships.get().pk}/"):
        answer = client.get(address)
        assert answer.status_code == 403
        assert "does not allow you to manage the clinic’s staff" in answer.json()["detail"]


def test_another_clinics_people_are_not_there(
    clinic: Clinic, other_clinic: Clinic, administrator: User, stranger: User, api: Api
) -> None:
    """Also those of another clinic whose staff the same person manages: a token is of one."""
    theirs = stranger.memberships.get()
    Membership.objects.create(user=administrator, clinic=other_clinic, role="administrator")
    client = api(administrator, at=clinic)
    assert {one["clinic"] for one in listed(client)} == {str(clinic.pk)}
    assert client.get(f"{PEOPLE}{theirs.pk}/").status_code == 404
    assert client.get(PEOPLE, {"cursor": str(theirs.pk)}).json()["code"] == "unknown_cursor"
    assert client.get(f"{PEOPLE}987654321/").status_code == 404
    assert api(administrator, at=other_clinic).get(f"{PEOPLE}{theirs.pk}/").json()["full_name"] == stranger.full_name


def test_a_token_needs_the_scope_of_people(administrator: User, api: Api) -> None:
    client = api(administrator)
    address = listed(client)[0]["links"]["self"]
    for held, statuses in (
        ("PractitionerRole.s", [200, 403]),
        ("PractitionerRole.r", [403, 200]),
        ("Patient.rs", [403] * 2),
    ):
        ApiToken.objects.update(scopes=f"system/{held}")
        assert [client.get(asked).status_code for asked in (PEOPLE, address)] == statuses


def test_more_people_take_no_more_queries(administrator: User, member: Callable[..., User], api: Api) -> None:
    client: Any = api(administrator)
    client.get(PEOPLE)  # notes the token's use
    few = queries(client, PEOPLE)
    for _another in range(3):
        member("clinician")
    assert len(listed(client)) == 4
    assert queries(client, PEOPLE) == few
