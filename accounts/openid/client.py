"""The requests to the provider: where it is (discovery), what it signs with, a code for tokens, what it says of one.

All of OpenID Connect Core 1.0 (3.1, the code flow) and Discovery 1.0, with PKCE (RFC 7636).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import requests
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured

from accounts.openid.config import Provider, secure_address
from accounts.openid.errors import SignInRefused

# To connect, and between two pieces of an answer, in seconds: a thread waits so long for a provider that is away.
PATIENCE = (3, 5)
MOST_BYTES = 1024 * 1024
# A key that is not among those is asked for at once, see `signing_keys`.
KEPT_SECONDS = 600
ADDRESSES = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the token endpoint gives for a code."""

    id_token: str
    access_token: str


def authorization_address(provider: Provider, **asked: str) -> str:
    """Where the person's browser goes; `asked`: redirect_uri, state, nonce, verifier, and whatever else is wanted."""
    verifier = asked.pop("verifier")
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "scope": provider.scopes,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        **asked,
    }
    place = discover(provider)["authorization_endpoint"]
    return f"{place}{'&' if '?' in place else '?'}{urlencode(query)}"


def challenge_of(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def exchange(provider: Provider, *, code: str, verifier: str, redirect_uri: str) -> Answer:
    known = discover(provider)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    headers = {}
    methods = known.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if "client_secret_basic" in methods:
        headers["Authorization"] = _basic(provider)
    else:
        form |= {"client_id": provider.client_id, "client_secret": provider.secret}
    told = _ask("POST", known["token_endpoint"], data=form, headers=headers)
    id_token, access_token = told.get("id_token"), told.get("access_token")
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise SignInRefused("untrusted", "the token endpoint gave no ID token")
    return Answer(id_token, access_token)


def fetch_userinfo(provider: Provider, answer: Answer) -> dict[str, Any]:
    """Further claims; none where the provider has no such endpoint."""
    place = discover(provider).get("userinfo_endpoint")
    if not place:
        return {}
    return _ask("GET", _secure(place, "userinfo_endpoint"), headers={"Authorization": f"Bearer {answer.access_token}"})


def discover(provider: Provider) -> dict[str, Any]:
    """The provider's own description, which must be that of the issuer who was asked."""
    return _kept(f"openid-discovery:{provider.issuer}", lambda: _described(provider))


def signing_keys(provider: Provider, *, anew: bool = False) -> dict[str, Any]:
    """A JSON Web Key Set. `anew`: the provider may have changed its keys."""
    place = discover(provider)["jwks_uri"]
    return _kept(f"openid-keys:{place}", lambda: _ask("GET", place), anew=anew)


def _described(provider: Provider) -> dict[str, Any]:
    told = _ask("GET", provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
    if told.get("issuer") != provider.issuer:
        raise SignInRefused("settings", f"OIDC_ISSUER is {provider.issuer}, and calls itself {told.get('issuer')}")
    for name in ADDRESSES:
        _secure(told.get(name), name)
    return told


def _secure(address: Any, name: str) -> str:
    try:
        return secure_address(address, name)
    except ImproperlyConfigured as error:
        raise SignInRefused("settings", str(error)) from error


def _kept(key: str, fetch: Any, *, anew: bool = False) -> dict[str, Any]:
    kept = None if anew else cache.get(key)
    if kept is None:
        kept = fetch()
        cache.set(key, kept, KEPT_SECONDS)
    return dict(kept)


def _basic(provider: Provider) -> str:
    """RFC 6749, 2.3.1: both are encoded as in a form first."""
    pair = f"{quote(provider.client_id, safe='')}:{quote(provider.secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _ask(method: str, place: str, **more: Any) -> dict[str, Any]:
    """A JSON object from `place`; no redirect is followed. Raises SignInRefused."""
    headers: Mapping[str, str] = {"Accept": "application/json", **more.pop("headers", {})}
    try:
        with requests.request(
            method, place, headers=headers, timeout=PATIENCE, allow_redirects=False, stream=True, **more
        ) as response:
            body = response.raw.read(MOST_BYTES + 1, decode_content=True)
            status = response.status_code
    except (requests.RequestException, OSError) as error:
        raise SignInRefused("away", f"{place}: {type(error).__name__}") from error
    return _read(place, status, body)


def _read(place: str, status: int, body: bytes) -> dict[str, Any]:
    if status >= 500 or status == 429:
        raise SignInRefused("away", f"{place} answered {status}")
    if status != 200 or len(body) > MOST_BYTES:
        raise SignInRefused("untrusted", f"{place} answered {status} with {len(body)} bytes")
    try:
        told = json.loads(body)
    except ValueError as error:
        raise SignInRefused("untrusted", f"{place} did not answer in JSON") from error
    if not isinstance(told, dict):
        raise SignInRefused("untrusted", f"{place} did not answer with an object")
    return told
