"""What is believed of an ID token (OpenID Connect Core 1.0, 3.1.3.7), and what it and the userinfo say of a person."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from accounts.openid.client import Answer, discover, fetch_userinfo, signing_keys
from accounts.openid.config import Provider
from accounts.openid.errors import SignInRefused

# Signed with a private key of the provider's. With HS256 whoever knows the client's secret could sign.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
NEEDED = ("iss", "sub", "aud", "exp", "iat")
# Two clocks differ by so much, in seconds.
LEEWAY = 60
LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Identity:
    """`email` only where the provider says that it is verified; lower case."""

    issuer: str
    subject: str
    email: str
    full_name: str
    groups: frozenset[str]
    has_second_factor: bool
    # The ID token's `auth_time`, seconds since 1970; 0 where it is not told.
    authenticated_at: float


def believe(provider: Provider, answer: Answer, *, nonce: str) -> Identity:
    """Raise SignInRefused where the token is not the provider's, not for us, not of now or not of this sign-in."""
    token = _verified(provider, answer.id_token)
    if not hmac.compare_digest(str(token.get("nonce", "")), nonce):
        raise SignInRefused("untrusted", "the nonce is not that of this sign-in")
    if token.get("azp", provider.client_id) != provider.client_id or _is_shared(token):
        raise SignInRefused("untrusted", "the token was made for another client")
    subject = token["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise SignInRefused("untrusted", "no usable sub")
    further = fetch_userinfo(provider, answer)
    if further and further.get("sub") != subject:
        raise SignInRefused("untrusted", "the userinfo is another person's")
    return _identity(provider, token, {**further, **token})


def _is_shared(token: Mapping[str, Any]) -> bool:
    """For several clients at once: then it must say for which of them it was made."""
    return isinstance(token["aud"], list) and len(token["aud"]) > 1 and "azp" not in token


def _verified(provider: Provider, id_token: str) -> dict[str, Any]:
    try:
        key = _key(provider, jwt.get_unverified_header(id_token))
        return dict(
            jwt.decode(
                id_token,
                key=key,
                algorithms=_algorithms(provider),
                audience=provider.client_id,
                issuer=provider.issuer,
                leeway=LEEWAY,
                options={"require": [*NEEDED]},
            )
        )
    except jwt.PyJWTError as error:
        raise SignInRefused("untrusted", f"{type(error).__name__}: {error}") from error


def _algorithms(provider: Provider) -> list[str]:
    told = discover(provider).get("id_token_signing_alg_values_supported", ["RS256"])
    return [name for name in ALGORITHMS if name in told]


def _key(provider: Provider, header: Mapping[str, Any]) -> Any:
    """The key that the token names; asked for anew once where it is not among those that are kept."""
    for anew in (False, True):
        fitting = [key for key in _keys(provider, anew=anew) if header.get("kid") in (None, key.key_id)]
        if len(fitting) == 1:
            return fitting[0]
    raise SignInRefused("untrusted", "signed with a key that the provider does not list")


def _keys(provider: Provider, *, anew: bool) -> list[Any]:
    listed = signing_keys(provider, anew=anew).get("keys")
    usable = [key for key in listed or [] if isinstance(key, dict) and key.get("use", "sig") == "sig"]
    return jwt.PyJWKSet.from_dict({"keys": usable}).keys


def _identity(provider: Provider, token: Mapping[str, Any], claims: Mapping[str, Any]) -> Identity:
    is_verified = claims.get("email_verified") is True
    return Identity(
        issuer=provider.issuer,
        subject=token["sub"],
        email=str(claims.get("email") or "").strip().lower() if is_verified else "",
        full_name=str(claims.get("name") or "").strip()[:120],
        groups=_groups(provider, claims),
        has_second_factor=_proves_second_factor(provider, token),
        authenticated_at=_seconds(token.get("auth_time")),
    )


def _groups(provider: Provider, claims: Mapping[str, Any]) -> frozenset[str]:
    """None told is none. Groups that are said to be kept elsewhere (too many for a token) are not guessed at."""
    told = claims.get(provider.groups_claim)
    elsewhere = claims.get("_claim_names")
    if told is None and isinstance(elsewhere, dict) and provider.groups_claim in elsewhere:
        raise SignInRefused("groups", f"the claim {provider.groups_claim} is kept elsewhere")
    if isinstance(told, str):
        return frozenset({told})
    return frozenset(group for group in told if isinstance(group, str)) if isinstance(told, list) else frozenset()


def _proves_second_factor(provider: Provider, token: Mapping[str, Any]) -> bool:
    methods = token.get("amr")
    told = {("amr", method) for method in methods if isinstance(method, str)} if isinstance(methods, list) else set()
    return bool(provider.second_factor & (told | {("acr", str(token.get("acr", "")))}))


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
