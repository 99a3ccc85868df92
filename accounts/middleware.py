"""Which clinic is the person working in now? Answers as `request.membership`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

if TYPE_CHECKING:
    from accounts.models import Membership

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


class NothingStaysMiddleware:
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
