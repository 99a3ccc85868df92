"""Browsers in which a person has signed in before: what others type elsewhere does not slow them there."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

COOKIE = "known_device"
KEPT = timedelta(days=180)
# A ward's computer has many people; the cookie stays below a kilobyte.
MOST_PEOPLE = 30
SALT = "accounts.devices"


def known_for(request: HttpRequest, email: str) -> str | None:
    """The device's own name when the person with this address has signed in on it, else None."""
    device, people = _read(request)
    return device if _mark(email) in people else None


def remember(request: HttpRequest, response: HttpResponse, email: str) -> None:
    """Sign-in by password or by a mailed link was successful here."""
    device, people = _read(request)
    mark = _mark(email)
    kept = [mark, *(each for each in people if each != mark)][:MOST_PEOPLE]
    value = signing.dumps({"device": device or secrets.token_urlsafe(9), "people": kept}, salt=SALT)
    response.set_cookie(
        COOKIE,
        value,
        max_age=KEPT,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
        path=settings.SESSION_COOKIE_PATH,
    )


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    try:
        value = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KEPT)
    except signing.BadSignature:
        return "", []
    return value["device"], value["people"]


def _mark(email: str) -> str:
    """Says nothing about the address to whoever reads the cookie."""
    return salted_hmac(SALT, email.strip().lower(), algorithm="sha256").hexdigest()[:16]
