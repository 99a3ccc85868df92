"""A recent proof of who one is: before data of patients leave the portal, and before the rights of people change."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY, suspend_request
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.urls import resolve, reverse
from django.utils.translation import gettext as _

from accounts.idle import PROOF_AT, SINCE
from accounts.models import User
from accounts.reauthentication import proof_in

View = Callable[..., HttpResponse]


def is_proven(request: HttpRequest) -> bool:
    """Signed in, or confirmed that it is them, a few minutes ago; or may still sign."""
    if not isinstance(request.user, User):
        return False
    since = request.session.get(SINCE, 0)
    # The provider may have signed in whoever it knew already, without a word.
    signed_in = _is_recent(min(since, request.session.get(PROOF_AT, since)))
    return signed_in or has_confirmed(request) or proof_in(request.session, request.user) is not None


def has_confirmed(request: HttpRequest) -> bool:
    """Typed the password or a code, showed a passkey, or went to the provider, after signing in and a few minutes ago.

    allauth's own answer to this is yes for everybody who has neither password nor second factor here, as those have
    who sign in by the provider alone.
    """
    if not isinstance(request.user, User):
        return False
    records = get_authentication_records(request, request.user)
    return any(record.get("reauthenticated") and _is_recent(record["at"]) for record in records)


def other_ways(request: HttpRequest) -> list[dict[str, str]]:
    """Besides the password: address and words of each way in which the person can confirm, and come back here."""
    ways = get_adapter().get_reauthentication_methods(request.user)
    back = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
    return [
        {"url": f"{way['url']}?{back}", "description": way["description"]}
        for way in ways
        if way["id"] != "reauthenticate"
    ]


def _is_recent(moment: float) -> bool:
    return time.time() - moment < app_settings.REAUTHENTICATION_TIMEOUT


def _is_not_to_be_kept(request: HttpRequest) -> bool:
    """A password would lie readable in the session, and a file does not fit into it."""
    return bool(request.FILES) or any("password" in name for name in request.POST)


def step_up(view: View) -> View:
    """Ask for the password, a code or a passkey first, and then go on with what was asked for, a form included."""
    return _ask_first(view, is_proven)


def confirm_first(view: View) -> View:
    """The same, even of somebody who has just signed in."""
    return _ask_first(view, has_confirmed)


def _ask_first(view: View, is_enough: Callable[[HttpRequest], bool]) -> View:
    @wraps(view)
    def proven(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_enough(request):
            # A form that goes on after the proof still carries the match of the page that asked for it.
            request.resolver_match = resolve(request.path_info)
            return view(request, *args, **kwargs)
        response: HttpResponse = suspend_request(request, reverse("account_reauthenticate"))
        if request.method == "POST" and _is_not_to_be_kept(request):
            del request.session[STATE_SESSION_KEY]
            messages.warning(request, _("Confirm that it is you. Then fill in the form once more."))
        return response

    return proven
