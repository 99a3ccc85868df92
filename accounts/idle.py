"""Whoever gives no sign of life for IDLE_MINUTES is signed out; everybody is, SESSION_COOKIE_AGE after signing in.

A sign of life is what a person does: opening a page, sending a form or a file, or what the page tells of keys, pointer
and wheel (static/js/idle.js). What pages ask for by themselves is none. Decided on the server; the page only warns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from allauth.account import app_settings
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from audit.notes import note_detail

SINCE, SEEN = "signed_in_at", "seen_at"
# When the person proved who they are for this sign-in, where that is not when they signed in.
PROOF_AT = "proof_at"
# Writing the session at every page would make each read a write.
STEP_SECONDS = 30


@receiver(user_logged_in)
def begin(request: HttpRequest | None, **_kwargs: Any) -> None:
    if request is not None:
        request.session[SINCE] = request.session[SEEN] = time.time()


def _begin_late(session: SessionBase) -> None:
    """Signed in before this was counted, so nobody knows when: it is no recent proof of who is there."""
    session[SINCE], session[SEEN] = time.time() - app_settings.REAUTHENTICATION_TIMEOUT, time.time()


def touch(session: SessionBase) -> None:
    """The person acts."""
    if time.time() - session[SEEN] > min(STEP_SECONDS, settings.IDLE_SECONDS / 4 or STEP_SECONDS):
        session[SEEN] = time.time()


def seconds_left(session: SessionBase) -> float:
    """Until the session ends if the person does nothing; negative once it should have."""
    ends = session[SINCE] + settings.SESSION_COOKIE_AGE
    if settings.IDLE_SECONDS:
        ends = min(ends, session[SEEN] + settings.IDLE_SECONDS)
    return float(ends - time.time())


class IdleMiddleware:
    """Before LoginRequiredMiddleware, which sees to whoever was signed out here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, _view: Any, _args: Any, _kwargs: Any) -> None:
        if not request.user.is_authenticated:
            return
        if SINCE not in request.session:
            _begin_late(request.session)
        if seconds_left(request.session) <= 0:
            _sign_out(request)
        elif _is_sign_of_life(request):
            touch(request.session)


def _is_sign_of_life(request: HttpRequest) -> bool:
    """A browser asks for pages, and sends forms, with "text/html" first; a script's requests do not name it.

    A large body is a file that somebody sends, which may take longer than they stay at the desk.
    """
    is_file = int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return is_file or "text/html" in request.headers.get("Accept", "text/html")


def _sign_out(request: HttpRequest) -> None:
    was_idle = time.time() < request.session[SINCE] + settings.SESSION_COOKIE_AGE
    logout(request)
    request.membership = None  # type: ignore[attr-defined]
    note_detail(why="idle" if was_idle else "age")
    sentence = (
        _("You were signed out because nothing was done for a while. Sign in to go on where you were.")
        if was_idle
        else _("You were signed out because you signed in long ago. Sign in to go on where you were.")
    )
    messages.info(request, sentence)
