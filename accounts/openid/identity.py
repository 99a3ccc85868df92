"""What is believed of an ID token (OpenID Connect Core 1.0, 3.1.3.7), and what it and the userinfo say of a person."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.openid.client import Answer, discover, fetch_userinfo, listed, signing_keys
from accounts.openid.config import Provider
from accounts.openid.errors import SignInRefused

# Signed with a private key of the provider's. With HS256 whoever knows the client's secret could sign.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
NEEDED = ("iss", "sub", "aud", "exp", "iat")
# Two clocks differ by so much, in seconds.
LEEWAY = 60
LONGEST_SUBJECT, LONGEST_EMAIL, LONGEST_NAME = 255, 254, 120
# Of 31 December 9999: times beyond it are no times.
END_OF_TIME = 253_402_300_799


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
    if not hmac.compare_digest(str(token.get("nonce", "")).encode(errors="replace"), nonce.encode()):
        raise SignInRefused("untrusted", "the nonce is not that of this sign-in")
    if token.get("azp", provider.client_id) != provider.client_id or _is_shared(token):
        raise SignInRefused("untrusted", "the token was made for another client")
    subject = token["sub"]
    if not isinstance(subject, str) or not _is_usable(subject, LONGEST_SUBJECT):
        raise SignInRefused("untrusted", "no usable sub")
    further = fetch_userinfo(provider, answer)
    if further and further.get("sub") != subject:
        raise SignInRefused("untrusted", "the userinfo is another person's")
    return _identity(provider, token, further)


def _is_usable(text: str, longest: int) -> bool:
    """OpenID Connect Core 1.0, 2: a `sub` is ASCII. NUL and halves of characters cannot be stored at all."""
    return text.isascii() and text.isprintable() and 0 < len(text) <= longest


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
    except (jwt.PyJWTError, ValueError, TypeError) as error:  # the latter two of keys that make no sense
        raise SignInRefused("untrusted", f"{type(error).__name__}: {error}") from error


def _algorithms(provider: Provider) -> list[str]:
    told = listed(discover(provider), "id_token_signing_alg_values_supported") or ["RS256"]
    return [name for name in ALGORITHMS if name in told]


def _key(provider: Provider, header: Mapping[str, Any]) -> Any:
    """The key that the token names; asked for anew once where it is not among those that are kept."""
    for anew in (False, True):
        fitting = [key for key in _keys(provider, anew=anew) if header.get("kid") in (None, key.key_id)]
        if len(fitting) == 1:
            return fitting[0]
    raise SignInRefused("untrusted", "signed with a key that the provider does not list")


def _keys(provider: Provider, *, anew: bool) -> list[Any]:
    keys = listed(signing_keys(provider, anew=anew), "keys")
    usable = [key for key in keys if isinstance(key, dict) and key.get("use", "sig") == "sig"]
    return jwt.PyJWKSet.from_dict({"keys": usable}).keys


def _identity(provider: Provider, token: Mapping[str, Any], further: Mapping[str, Any]) -> Identity:
    claims = {**further, **token}
    return Identity(
        issuer=provider.issuer,
        subject=token["sub"],
        email=_verified_email(token if "email" in token else further),
        full_name=_name(claims.get("name")),
        groups=_groups(provider, claims),
        has_second_factor=_proves_second_factor(provider, token),
        authenticated_at=_seconds(token.get("auth_time")),
    )


def _verified_email(source: Mapping[str, Any]) -> str:
    """Address and `email_verified` of one source. ASCII: "ı" and "K" become other people's letters in another case."""
    email = source.get("email")
    if source.get("email_verified") is not True or not isinstance(email, str):
        return ""
    email = email.strip()
    try:
        validate_email(email)
    except ValidationError:
        return ""
    return email.lower() if _is_usable(email, LONGEST_EMAIL) else ""


def _name(told: Any) -> str:
    text = told if isinstance(told, str) else ""
    return "".join(letter for letter in text if letter.isprintable()).strip()[:LONGEST_NAME]


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
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= END_OF_TIME else 0.0
