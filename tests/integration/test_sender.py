"""Who sends a request, from its head alone: what the web server asks before it takes a large body in."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import ApiToken, User
from accounts.sender import Sender, sender


@pytest.fixture
def known(radiographer: User) -> Sender:
    membership = radiographer.memberships.get()
    return Sender(person=radiographer.pk, clinic=membership.clinic_id)


def test_a_session_is_its_persons_until_it_ends(client: Client, radiographer: User, known: Sender) -> None:
    client.force_login(radiographer)
    cookie = f"theme=dark; sessionid={client.cookies['sessionid'].value}"
    assert sender(cookie=cookie, authorization="") == known
    client.logout()
    assert sender(cookie=cookie, authorization="") is None


def test_a_token_is_its_persons_until_it_ends(radiographer: User, known: Sender) -> None:
    token, secret = ApiToken.objects.issue(membership=radiographer.memberships.get(), name="test")
    assert sender(cookie="", authorization=f"Bearer {secret}") == known
    # What it may do is asked at the address, which reads the body: one that only sends must get that far.
    ApiToken.objects.filter(pk=token.pk).update(scopes="system/ImagingStudy.c")
    assert sender(cookie="", authorization=f"Bearer {secret}") == known
    ApiToken.objects.filter(pk=token.pk).revoke()
    assert sender(cookie="", authorization=f"Bearer {secret}") is None


def test_a_proxys_own_header_hides_no_session(client: Client, radiographer: User, known: Sender) -> None:
    client.force_login(radiographer)
    assert sender(cookie=f"sessionid={client.cookies['sessionid'].value}", authorization="Basic eDp5") == known


@pytest.mark.django_db
@pytest.mark.parametrize("cookie", ["", "sessionid=", "sessionid=abc", "sessionid=\x00; ;;=", "csrftoken=a"])
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", "Basic eDp5", "\xff"])
def test_strangers_are_nobody(cookie: str, authorization: str) -> None:
    assert sender(cookie=cookie, authorization=authorization) is None


def test_who_works_nowhere_is_nobody(client: Client, radiographer: User) -> None:
    client.force_login(radiographer)
    radiographer.memberships.update(is_active=False)
    assert sender(cookie=f"sessionid={client.cookies['sessionid'].value}", authorization="") is None
