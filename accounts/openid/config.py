"""What a site says about its provider, see .env.example. Read anew each time: it is little, and tests change it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.roles import ROLES


@dataclass(frozen=True, slots=True)
class Grant:
    """Who is in `group` works in the clinic of this name, in the role of this slug."""

    group: str
    clinic: str
    role: str


@dataclass(frozen=True, slots=True)
class Provider:
    issuer: str
    client_id: str
    secret: str
    label: str
    scopes: str
    groups_claim: str
    # Of two that give a role in one clinic the first holds.
    grants: tuple[Grant, ...]
    makes_accounts: bool
    asks_each_time: bool
    # Days for which a group counts that the provider last named then.
    groups_last: int
    # Claims that prove a second factor: ("amr", "mfa"), ("acr", "…").
    second_factor: frozenset[tuple[str, str]]


def is_on() -> bool:
    return bool(settings.OIDC_ISSUER)


def configured() -> Provider:
    """Raise ImproperlyConfigured, with a sentence for whoever runs the site."""
    return Provider(
        issuer=secure_address(settings.OIDC_ISSUER, "OIDC_ISSUER"),
        client_id=_needed("OIDC_CLIENT_ID"),
        secret=_needed("OIDC_CLIENT_SECRET"),
        label=_needed("OIDC_LABEL"),
        scopes=_scopes(settings.OIDC_SCOPES),
        groups_claim=_needed("OIDC_GROUPS_CLAIM"),
        grants=_grants(settings.OIDC_ROLES),
        makes_accounts=settings.OIDC_NEW_ACCOUNTS,
        asks_each_time=settings.OIDC_ASK_EACH_TIME,
        groups_last=_days(settings.OIDC_GROUPS_LAST),
        second_factor=_second_factor(settings.OIDC_SECOND_FACTOR),
    )


def secure_address(address: Any, name: str, *, may_have_query: bool = False) -> str:
    """Passwords and codes travel there: https, and http only for development."""
    if not _is_secure(str(address), may_have_query=may_have_query):
        raise ImproperlyConfigured(f"{name} must be an address that begins with https://, and is {address!r}.")
    return str(address)


def _is_secure(address: str, *, may_have_query: bool) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:  # https://[
        return False
    allowed = ("https", "http") if settings.DEBUG else ("https",)
    is_bare = not parts.fragment and (may_have_query or not parts.query)
    return parts.scheme in allowed and bool(parts.hostname) and is_bare


def _needed(name: str) -> str:
    value = str(getattr(settings, name)).strip()
    if not value:
        raise ImproperlyConfigured(f"OIDC_ISSUER is set and {name} is not.")
    return value


def _days(days: int) -> int:
    if days < 1:
        raise ImproperlyConfigured(f"OIDC_GROUPS_LAST must be 1 day or more, and is {days}.")
    return days


def _scopes(scopes: str) -> str:
    if "openid" not in scopes.split():
        raise ImproperlyConfigured("OIDC_SCOPES must contain openid.")
    return " ".join(scopes.split())


def _grants(text: str) -> tuple[Grant, ...]:
    try:
        return tuple(_grant(row) for row in json.loads(text or "[]"))
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured(
            f'OIDC_ROLES must be a list of lists, [["group", "clinic", "role"], …] in JSON: {error}.'
        ) from error


def _grant(row: Any) -> Grant:
    if not (isinstance(row, list) and len(row) == 3 and all(isinstance(part, str) and part for part in row)):
        raise ValueError(f"{row!r} does not name a group, a clinic and a role")
    grant = Grant(*row)
    if grant.role not in ROLES:
        raise ValueError(f"{grant.role!r} is none of the roles {', '.join(ROLES)}")
    return grant


def _second_factor(text: str) -> frozenset[tuple[str, str]]:
    """`amr=mfa acr=https://…`: of such words one is enough."""
    words = [tuple(word.split("=", 1)) for word in text.split()]
    if any(len(word) != 2 or word[0] not in ("amr", "acr") or not word[1] for word in words):
        raise ImproperlyConfigured("OIDC_SECOND_FACTOR names claims that prove one: amr=VALUE or acr=VALUE, by blanks.")
    return frozenset((claim, value) for claim, value in words)
