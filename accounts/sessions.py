"""Where people are signed in: written at sign-in, and every few minutes while somebody works."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import OpenSession, User
from accounts.models.api_token import digest
from accounts.models.open_session import LAG
from audit.middleware import QUIET
from audit.record import address_of, route_of

NOTE = "seen"  # in the session: the digest under which it is listed, and when that was written
STEP = LAG


class SeenMiddleware:
    """A page costs nothing for this, but one in five minutes, which writes a row and the session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if SESSION_KEY in request.session and request.user.is_authenticated and _is_due(request):
            see(request, request.user)
        return response


def see(request: HttpRequest, user: User) -> None:
    """List the session, or say in the list that it is used. Its row follows when Django changes the session's key."""
    session = request.session
    if session.session_key is None:
        session.save()
    now, key = timezone.now(), current_digest(request)
    seen = {"user": user, "digest": key, "address": address_of(request), "agent": _agent(request), "last_seen": now}
    listed, _at = session.get(NOTE, ("", 0))
    if not OpenSession.objects.of(user).filter(digest=listed).update(**seen):
        OpenSession.objects.update_or_create(digest=key, defaults=seen)
    session[NOTE] = (key, int(now.timestamp()))


def current_digest(request: HttpRequest) -> str:
    """What the request's own session is listed under."""
    return digest(request.session.session_key or "")


def _is_due(request: HttpRequest) -> bool:
    """What an open page asks for by itself is no sign of a person; what it tells of keys and pointer is."""
    route = route_of(request)
    if route in QUIET and (route, request.method) != ("accounts:alive", "POST"):
        return False
    listed, at = request.session.get(NOTE, ("", 0))
    return listed != current_digest(request) or timezone.now().timestamp() - at > STEP.total_seconds()


def _agent(request: HttpRequest) -> str:
    return request.META.get("HTTP_USER_AGENT", "").replace("\0", "")[:200]


@receiver(user_logged_in)
def _signed_in(request: HttpRequest | None, user: User, **_: Any) -> None:
    if request is None:
        return
    kept = timedelta(seconds=settings.SESSION_COOKIE_AGE) + STEP
    OpenSession.objects.of(user).filter(last_seen__lt=timezone.now() - kept).delete()
    see(request, user)


@receiver(user_logged_out)
def _signed_out(request: HttpRequest | None, **_: Any) -> None:
    if request is not None:
        OpenSession.objects.filter(digest=current_digest(request)).delete()
