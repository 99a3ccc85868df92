"""Signed out after a while without a sign of life, and a fixed time after signing in, by the server."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts import idle
from accounts.models import User
from audit.models import AuditEvent
from audit.vocabulary import Event

pytestmark = pytest.mark.django_db
PAGE = "/accounts/"
ALIVE = "/accounts/alive/"


@pytest.fixture
def later(client: Client, clinician: User, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`later(minutes)`: the clock goes on for everybody. The clinician is signed in."""
    client.force_login(clinician)
    now = [time.time()]
    monkeypatch.setattr(idle, "time", SimpleNamespace(time=lambda: now[0]))

    def go(minutes: float) -> None:
        now[0] += 60 * minutes

    return go


def page(client: Client, accept: str = "text/html,application/xhtml+xml") -> int:
    return client.get(PAGE, headers={"Accept": accept}).status_code


def test_opening_pages_keeps_one_signed_in_and_doing_nothing_does_not(client: Client, later: Any) -> None:
    for _ in range(3):
        later(14)
        assert page(client) == 200
    later(15)
    answer = client.get(PAGE, headers={"Accept": "text/html"})
    assert answer.url == f"{reverse('account_login')}?next={PAGE}"
    assert "nothing was done for a while" in client.get(answer.url).content.decode()
    told = AuditEvent.objects.latest("pk")
    assert (told.event, told.detail["why"]) == (Event.LOGOUT, "idle")


def test_what_pages_ask_by_themselves_is_no_sign_of_life_and_what_they_tell_is(client: Client, later: Any) -> None:
    later(8)
    client.get(reverse("diagnosis:notifications-unread"), headers={"Accept": "application/json"})
    assert client.get(ALIVE, headers={"Accept": "*/*"}).json() == {"seconds": 7 * 60}
    assert client.post(ALIVE, headers={"Accept": "*/*"}).json() == {"seconds": 15 * 60}
    later(14)
    file = SimpleUploadedFile("slow.bin", b"0" * 300_000)
    client.post(
        reverse("diagnosis:scan-upload", args=[uuid4()]), {"files": file}, headers={"Accept": "application/json"}
    )
    assert client.get(ALIVE, headers={"Accept": "*/*"}).json() == {"seconds": 15 * 60}
    later(15)
    assert client.get(reverse("diagnosis:notifications-unread"), headers={"Accept": "*/*"}).status_code == 302
    assert AuditEvent.objects.filter(event=Event.LOGOUT).count() == 1
    assert client.get(ALIVE).json() == {"seconds": 0}
    assert "sessionid" not in client.cookies or not client.cookies["sessionid"].value


def test_nobody_stays_for_longer_than_half_a_day(client: Client, later: Any) -> None:
    for _ in range(12 * 6 - 1):
        later(10)
        client.post(ALIVE)
    assert page(client) == 200
    later(10)
    assert page(client) == 302
    assert AuditEvent.objects.latest("pk").detail["why"] == "age"


def test_it_can_be_switched_off(client: Client, later: Any, settings: Any) -> None:
    settings.IDLE_SECONDS = 0
    later(11 * 60)
    assert page(client) == 200
    seen = client.session[idle.SEEN]
    later(0.1)
    assert page(client) == 200
    assert client.session[idle.SEEN] == seen  # not every page writes the session
    later(61)
    assert page(client) == 302
