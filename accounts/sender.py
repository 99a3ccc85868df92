"""Who sends a request, told from its head alone: asked before a byte of a large body is read."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.authentication import BasicTokenAuthentication
from accounts.middleware import current_membership


@dataclass(frozen=True, slots=True)
class Sender:
    """A person, and the clinic in which they work now; keys of their rows."""

    person: UUID
    clinic: UUID


def sender(*, cookie: str, authorization: str) -> Sender | None:
    """The sender of a request with these two headers; None for strangers and for who works in no clinic."""
    request = _request(cookie, authorization)
    return (_of_token(request) if authorization else None) or _of_session(request)


def _request(cookie: str, authorization: str) -> HttpRequest:
    head = {"REQUEST_METHOD": "POST", "HTTP_COOKIE": cookie, "HTTP_AUTHORIZATION": authorization}
    return WSGIRequest({**head, "SERVER_NAME": "", "SERVER_PORT": "0", "wsgi.input": BytesIO()})


def _of_token(request: HttpRequest) -> Sender | None:
    try:
        # What the token may do, and in which scheme, is asked at the address itself, which this request has not.
        found = BasicTokenAuthentication().identify(Request(request))
    except AuthenticationFailed:
        return None
    if found is None:
        return None
    person, token = found
    return Sender(person=person.pk, clinic=token.membership.clinic_id)


def _of_session(request: HttpRequest) -> Sender | None:
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    request.user = get_user(request)
    membership = current_membership(request)
    return Sender(person=membership.user_id, clinic=membership.clinic_id) if membership else None
