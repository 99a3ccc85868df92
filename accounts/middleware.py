"""What every request knows of its person: the clinic they work in now (`request.membership`), language, time zone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject

from accounts.locale import chosen_language, chosen_time_zone
from audit.programs import ROOTS

if TYPE_CHECKING:
    from accounts.models import Clinic, Membership, User

SESSION_KEY = "membership"


def current_membership(request: HttpRequest) -> Membership | None:
    """The membership chosen in this session, else the person's first; None for strangers and the clinic-less."""
    if not request.user.is_authenticated:
        return None
    memberships = request.user.memberships.active().select_related("clinic").order_by("clinic__name")
    chosen = request.session.get(SESSION_KEY)
    return (chosen and memberships.filter(pk=chosen).first()) or memberships.first()


class MembershipMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Lazy: pages that never ask pay no query.
        request.membership = SimpleLazyObject(lambda: current_membership(request))  # type: ignore[attr-defined]
        return self.get_response(request)


class LocaleMiddleware:
    """Answer in the person's language and time zone, else in the clinic's, else as the browser asks.

    A program signs in by token, not by session: to this class it is a stranger, so Accept-Language alone decides.
    JSON always carries the portal's time zone, so that one scan reads the same to every client.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user, clinic = _person_and_clinic(request)
        language = chosen_language(user, clinic) or translation.get_language_from_request(request)
        zone = chosen_time_zone(None, None) if request.path_info.startswith(ROOTS) else chosen_time_zone(user, clinic)
        with translation.override(language), timezone.override(zone):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language",))
        return response


def _person_and_clinic(request: HttpRequest) -> tuple[User | None, Clinic | None]:
    """The clinic is looked up only for a person who leaves a choice to it."""
    user = request.user
    if not user.is_authenticated:
        return None, None
    if user.language and user.time_zone:
        return user, None
    membership: Membership | None = request.membership  # type: ignore[attr-defined]
    return user, membership.clinic if membership else None


class NoStoreMiddleware:
    """Pages for signed-in people are not kept by the browser: "back" after signing out must show no patient.

    A view that says itself how long its answer may be kept (an image with its ETag) is left alone.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            response.headers["Cache-Control"] = "private, no-store"
        return response
