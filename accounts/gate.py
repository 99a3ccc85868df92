"""Whoever must have a second factor and has none sets one up after signing in, and opens nothing else before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.mfa.signals import authenticator_added, authenticator_removed
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import second_factor
from accounts.models import User
from audit.programs import ROOTS

# In the session: decided at sign-in, so that no page pays for it.
DUE = "second_factor_due"
# In the session: the provider of single sign-on asked for one, in a way that the site accepts.
ELSEWHERE = "second_factor_elsewhere"
OPEN = frozenset(
    {
        *("account_logout", "account_reauthenticate", "account_change_password", "script_catalogue"),
        "account_provider_confirm",
    }
)


@receiver(user_logged_in)
@receiver(authenticator_added)
@receiver(authenticator_removed)
def decide(request: HttpRequest | None, user: User, **_kwargs: Any) -> None:
    if request is None:
        return
    if not request.session.get(ELSEWHERE) and second_factor.must_have(user) and not second_factor.has_one(user):
        request.session[DUE] = True
    else:
        request.session.pop(DUE, None)


class SecondFactorMiddleware:
    """Programs, which come with a token and no session, are not asked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any) -> HttpResponse | None:
        if not request.user.is_authenticated or not request.session.get(DUE) or _is_open(request, view):
            return None
        return _refuse(request)


def _is_open(request: HttpRequest, view: Any) -> bool:
    """What visitors may open, and what setting one up takes. The API asks by itself who comes, by token or session."""
    if request.path_info.startswith(ROOTS):
        # As TokenAuthentication reads it: with any other scheme the API falls back to the session.
        return request.headers.get("Authorization", "").partition(" ")[0].lower() == "bearer"
    name = request.resolver_match.view_name if request.resolver_match else ""
    return not getattr(view, "login_required", True) or name in OPEN or name.startswith("mfa_")


def _refuse(request: HttpRequest) -> HttpResponse:
    if not request.path_info.startswith(ROOTS):
        return redirect("mfa_index")
    problem = {
        "type": "urn:problem-type:second-factor-due",
        "title": _("Not allowed"),
        "status": 403,
        "detail": _("Set up a second factor on the page of your account first."),
        "code": "second_factor_due",
        "retryable": False,
    }
    return JsonResponse(problem, status=403, content_type="application/problem+json")
