from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core import signing

from portal.forms import contact
from portal.forms.contact import SALT, SLOWEST_SECONDS, ContactForm

SENT = {"name": "Ada Moreau", "email": "ada@clinic.example", "subject": "Trying it", "body": "How do we start?"}


def stamp(seconds_ago: float, salt: str = SALT) -> str:
    return signing.dumps(int(time.time() - seconds_ago), salt=salt)


@pytest.fixture(autouse=True)
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause of the machine that runs the tests must not look like a person who takes time."""
    monkeypatch.setattr(contact, "FASTEST_SECONDS", 40)


def form(**changes: Any) -> ContactForm:
    return ContactForm(SENT | {"opened": stamp(60)} | changes)


def test_a_message_written_by_a_person_passes() -> None:
    good = form()
    assert good.is_valid(), good.errors
    assert good.message == SENT
    assert not good.is_trapped


@pytest.mark.parametrize("field", ["name", "email", "subject", "body"])
def test_nothing_may_be_left_out(field: str) -> None:
    assert field in form(**{field: "  "}).errors


@pytest.mark.parametrize(("field", "length"), [("name", 121), ("subject", 161), ("body", 4001)])
def test_texts_fit_their_columns(field: str, length: int) -> None:
    assert field in form(**{field: "x" * length}).errors
    assert field not in form(**{field: "x" * (length - 1)}).errors


@pytest.mark.parametrize("field", ["name", "subject"])
@pytest.mark.parametrize("breaking", ["a\r\nBcc: all@clinic.example", "a\nb", "a\rb", "a\x0bb", "a\u2028b", "a\x85b"])
def test_a_line_break_cannot_reach_a_header(field: str, breaking: str) -> None:
    sent = form(**{field: breaking})
    assert sent.is_valid(), sent.errors
    assert len(sent.message[field].splitlines()) == 1


def test_an_address_with_a_line_break_is_refused() -> None:
    assert "email" in form(email="ada@clinic.example\nBcc: all@clinic.example").errors


@pytest.mark.parametrize(
    "opened",
    [
        pytest.param(lambda: stamp(0), id="at once"),
        pytest.param(lambda: stamp(SLOWEST_SECONDS + 60), id="a day later"),
        pytest.param(lambda: stamp(-3600), id="from the future"),
        pytest.param(lambda: stamp(60, salt="another form"), id="of another form"),
        pytest.param(lambda: stamp(60)[:-1], id="tampered with"),
        pytest.param(lambda: "", id="none"),
    ],
)
def test_a_stamp_that_no_person_has_is_refused_and_renewed(opened: Callable[[], str]) -> None:
    refused = form(opened=opened())
    assert refused.has_error("__all__", "too_fast")
    renewed = signing.loads(refused["opened"].value(), salt=SALT)
    assert abs(renewed - time.time()) < 60


def test_an_open_form_carries_a_stamp() -> None:
    assert isinstance(signing.loads(ContactForm()["opened"].value(), salt=SALT), int)


def test_a_filled_trap_is_noticed() -> None:
    assert form(website="https://spam.example").is_trapped
