from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext, gettext_noop
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import second_factor
from accounts.adapter import TooManyGuesses
from accounts.authentication import TokenAuthentication
from accounts.models import ApiToken, Membership, User
from diagnosis.api.errors import problem
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import own_tokens
from diagnosis.api.serializers.token import ClinicSerializer, IssuedTokenSerializer, SignInSerializer, TokenSerializer
from diagnosis.api.strict import Strict
from diagnosis.api.throttles import SignInThrottle
from diagnosis.api.views.problems import problems

# One answer for an unknown address and a wrong password: it must not tell who works here.
WRONG = gettext_noop("The e-mail address or the password is wrong. Check both and try again.")
TOO_MANY = gettext_noop(
    "Too many wrong passwords were typed from here. Wait as long as Retry-After says, then try again."
)
NO_CLINIC = gettext_noop("You do not work in any clinic yet. Ask an administrator to add you to one.")
OTHER_CLINIC = gettext_noop("You do not work in that clinic. Choose one of yours.")
WHICH_CLINIC = gettext_noop("You work in several clinics. Say in which one the token shall work.")


SECOND_FACTOR = gettext_noop(
    "Your account has a second factor, or needs one. Make the token on the page of your account."
)


class TooManyFailures(exceptions.Throttled):
    default_code = "too_many_failures"

    def __init__(self, *, seconds: int) -> None:
        exceptions.APIException.__init__(self, gettext(TOO_MANY))
        self.wait = seconds


class Tokens(Strict, generics.ListAPIView[ApiToken]):
    """Sign in for a token, or list your own."""

    serializer_class = TokenSerializer
    pagination_class = Pages
    order = ("-created_at", "-id")

    def get_authenticators(self) -> list[Any]:
        """Signing in needs a password and nothing else: an old token in the header must not get in its way."""
        return [] if self.request and self.request.method == "POST" else super().get_authenticators()

    def get_authenticate_header(self, request: Request) -> str:
        return TokenAuthentication.keyword

    def get_permissions(self) -> list[Any]:
        return [] if self.request and self.request.method == "POST" else [*super().get_permissions()]

    def get_throttles(self) -> list[Any]:
        return [SignInThrottle()] if self.request.method == "POST" else []

    def get_queryset(self) -> QuerySet[ApiToken]:
        return own_tokens(self.request).select_related("membership__clinic")

    @extend_schema(summary="List your tokens", responses={200: TokenSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """Your own tokens, newest first, without their secrets."""
        return self.list(request)

    @extend_schema(
        summary="Sign in for a token",
        auth=[],
        request=SignInSerializer,
        responses={201: IssuedTokenSerializer, **problems(403, 409, 429)},
    )
    def post(self, request: Request) -> Response:
        """Sign in. People who work in several clinics name one; without it they get 409 and the list of theirs."""
        asked = SignInSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = _person(request, asked.validated_data["email"], asked.validated_data["password"])
        if second_factor.has_one(user) or second_factor.must_have(user):
            return problem(403, "second_factor", gettext(SECOND_FACTOR))
        memberships = list(user.memberships.active().select_related("clinic"))
        chosen = asked.validated_data.get("clinic")
        found = [each for each in memberships if chosen in (None, each.clinic_id)]
        if len(found) != 1:
            return _which(memberships, chosen=chosen is not None)
        token, secret = ApiToken.objects.issue(
            membership=found[0],
            name=asked.validated_data["name"],
            scopes=asked.validated_data["scopes"],
            days=asked.validated_data.get("days"),
        )
        token.secret = secret  # type: ignore[attr-defined]
        payload = IssuedTokenSerializer(token).data
        return Response(payload, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


def _person(request: Request, email: str, password: str) -> User:
    """allauth's check, so that pages and API share one limit on failed attempts."""
    try:
        user: User | None = get_adapter().authenticate(request._request, email=email.strip().lower(), password=password)
    except TooManyGuesses as error:
        raise TooManyFailures(seconds=error.seconds) from error
    if user is None:
        raise exceptions.AuthenticationFailed(gettext(WRONG), code="wrong_credentials")
    return user


def _which(memberships: list[Membership], *, chosen: bool) -> Response:
    """Told only to somebody whose password was right."""
    if not memberships:
        return problem(403, "no_clinic", gettext(NO_CLINIC))
    clinics = ClinicSerializer([each.clinic for each in memberships], many=True).data
    if chosen:
        return problem(403, "other_clinic", gettext(OTHER_CLINIC), clinics=clinics)
    return problem(409, "clinic_needed", gettext(WHICH_CLINIC), clinics=clinics)


class Token(Strict, generics.RetrieveDestroyAPIView[ApiToken]):
    """One of your tokens."""

    serializer_class = TokenSerializer

    def get_queryset(self) -> QuerySet[ApiToken]:
        return own_tokens(self.request).select_related("membership__clinic")

    @extend_schema(summary="Read a token", responses={200: TokenSerializer, **problems(404)})
    def get(self, request: Request, pk: int) -> Response:
        """One of your tokens, without its secret."""
        return self.retrieve(request)

    @extend_schema(summary="Revoke a token", responses={204: None, **problems(404)})
    def delete(self, request: Request, pk: int) -> Response:
        """Revoke it, at once and for good."""
        ApiToken.objects.filter(pk=self.get_object().pk).revoke()
        return Response(status=status.HTTP_204_NO_CONTENT)


class CurrentToken(Strict):
    """The token that this request came with."""

    @extend_schema(summary="Read the token in use", responses={200: TokenSerializer, **problems(404)})
    def get(self, request: Request) -> Response:
        """The token that this request came with."""
        return Response(TokenSerializer(_sent(request)).data)

    @extend_schema(summary="Sign out", responses={204: None, **problems(404)})
    def delete(self, request: Request) -> Response:
        """Sign out: revoke it, at once and for good."""
        ApiToken.objects.filter(pk=_sent(request).pk).revoke()
        return Response(status=status.HTTP_204_NO_CONTENT)


def _sent(request: Request) -> ApiToken:
    if not isinstance(request.auth, ApiToken):
        raise Http404
    return request.auth
