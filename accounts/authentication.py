"""How a program proves who it is: `Authorization: Bearer cip_…`, or the session of a signed-in page."""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from accounts import scopes
from accounts.models import ApiToken, User
from accounts.models.api_token import digest
from audit.notes import note_refused

# Writing "last used" at every call would make each read a write.
LAST_USED_STEP = timedelta(minutes=1)


class TokenAuthentication(authentication.BaseAuthentication):
    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        found = self.identify(request)
        if found is None:
            return None
        person, token = found
        require_scopes(request, token, addressed(request))
        request._request.membership = token.membership  # type: ignore[attr-defined]
        return person, token

    def identify(self, request: Request) -> tuple[User, ApiToken] | None:
        """Whose token it is, whatever it may do; None without one. Raises AuthenticationFailed."""
        secret = self.secret_of(request.headers.get("Authorization", ""))
        if secret is None:
            return None
        usable = ApiToken.objects.usable().select_related("membership__user", "membership__clinic")
        token = usable.filter(digest=digest(secret)).first()
        if token is None:
            raise exceptions.AuthenticationFailed(
                _("This token is unknown, expired or revoked. Sign in for a new one.")
            )
        _note_use(token)
        return token.membership.user, token

    def secret_of(self, header: str) -> str | None:
        """The token in the header `Authorization`; None where it holds something else."""
        scheme, _space, secret = header.partition(" ")
        return secret.strip() if scheme.lower() == self.keyword.lower() else None

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


class BasicTokenAuthentication(TokenAuthentication):
    """Also as the password of `Authorization: Basic`, whatever the name: for programs that can be told an address such
    as https://token:cip_…@portal.example.org, and no header.
    """

    def secret_of(self, header: str) -> str | None:
        scheme, _space, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return super().secret_of(header)
        try:
            _name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        return secret if colon else None


class PageSessionAuthentication(authentication.SessionAuthentication):
    """Session with CSRF check, for the portal's own pages that call the API."""


class MissingScope(exceptions.PermissionDenied):
    """The token was made for less than this; `scope` is the first one that it lacks."""

    default_code = "missing_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(_("This token was made for less: it lacks the scope %(scope)s.") % {"scope": scope})
        self.scope = scope


def addressed(request: Request) -> tuple[str, ...]:
    """The scopes that the address takes."""
    match = request._request.resolver_match
    return scopes.needed(match.view_name if match else "", request.method or "")


def require_scopes(request: Request, token: ApiToken, needed: tuple[str, ...]) -> None:
    """Raise MissingScope unless the token has all that are `needed`. The audit trail is told who was refused."""
    if lacking := scopes.missing(token.scopes, needed):
        note_refused(token.membership.user_id, scope=lacking)
        raise MissingScope(lacking)


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_STEP:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
