"""The requests to the provider: where it is (discovery), what it signs with, a code for tokens, what it says of one.

All of OpenID Connect Core 1.0 (3.1, the code flow) and Discovery 1.0, with PKCE (RFC 7636).
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from urllib3.exceptions import HTTPError

from accounts.openid.config import Provider, secure_address
from accounts.openid.errors import SignInRefused

# To connect, and between two pieces of an answer, in seconds; and for the whole answer, however small its pieces.
PATIENCE, LONGEST = (3, 5), 10
MOST_BYTES, PIECE = 1024 * 1024, 64 * 1024
# A provider that hangs may hold so many of the threads that serve pages; another waits for its turn so long.
SLOTS, TURN = threading.BoundedSemaphore(2), 1
# For so many seconds nobody waits for one that has just not answered.
AWAY_SECONDS = 15
# A key that is not among those is asked for at once, see `signing_keys`.
KEPT_SECONDS = 600
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
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
    methods = listed(known, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
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
        # RFC 6749, 3.1: this one may carry a query of its own.
        _secure(told.get(name), name, may_have_query=name == "authorization_endpoint")
    return told


def listed(told: Mapping[str, Any], name: str) -> list[Any]:
    value = told.get(name)
    return value if isinstance(value, list) else []


def _secure(address: Any, name: str, *, may_have_query: bool = False) -> str:
    try:
        return secure_address(address, name, may_have_query=may_have_query)
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
    mark = f"openid-away:{urlsplit(place).netloc}"
    if cache.get(mark):
        raise SignInRefused("away", f"{place} did not answer a moment ago")
    if not SLOTS.acquire(timeout=TURN):
        raise SignInRefused("away", f"{place}: others wait for it already")
    try:
        status, body = _fetch(method, place, **more)
    except (requests.RequestException, HTTPError, OSError) as error:
        cache.set(mark, True, AWAY_SECONDS)
        raise SignInRefused("away", f"{place}: {type(error).__name__}") from error
    finally:
        SLOTS.release()
    return _read(place, status, body)


def _fetch(method: str, place: str, **more: Any) -> tuple[int, bytes]:
    """Status and body, of which no more is read than shows that it is too long."""
    headers: Mapping[str, str] = {**HEADERS, **more.pop("headers", {})}
    until, body = time.monotonic() + LONGEST, b""
    with requests.request(
        method, place, headers=headers, timeout=PATIENCE, allow_redirects=False, stream=True, **more
    ) as response:
        # read1 gives what has arrived; read waits for the whole piece, with a new timeout for each byte.
        while piece := response.raw.read1(PIECE, decode_content=True):
            body += piece
            if len(body) > MOST_BYTES:
                break
            if time.monotonic() > until:
                raise TimeoutError("the answer takes too long")
        return response.status_code, body


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
