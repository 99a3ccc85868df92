"""Refuses what is larger than its address takes, before anything reads it: whatever server stands in front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit.programs import FHIR, PREDECESSOR, ROOTS
from diagnosis.api.errors import PROBLEM, problem
from diagnosis.api.predecessor import shape
from fhir.outcomes import MEDIA_TYPE, issue_code, outcome
from portal import bodies, product


@dataclass(frozen=True)
class Refused:
    status: int
    code: str
    title: str | Promise
    sentence: str | Promise


TOO_LARGE = Refused(
    413,
    "body_too_large",
    _("Too large"),
    _("This is more than this address takes. Shorten what you wrote; files go to the upload."),
)
# What portal.server says of an upload that it did not take in.
BY_SERVER = {
    "too_many": Refused(
        429,
        "too_many_uploads",
        _("Too many uploads at once"),
        _("Nothing was uploaded: too many uploads of yours or of your clinic are under way. Try again in a minute."),
    ),
    "unavailable": Refused(
        503,
        "unavailable",
        _("Not available at the moment"),
        _("Nothing was uploaded: the database cannot be reached. Try again in a minute."),
    ),
}


class BodyLimitMiddleware:
    """After the language is known, and before anything asks for the body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refused = _refused(request)
        return _answer(request, refused) if refused else self.get_response(request)


def _refused(request: HttpRequest) -> Refused | None:
    if by_server := BY_SERVER.get(request.META.get("portal.refusal", "")):
        return by_server
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    # The views of uploads see to their own limits, in words about files, once they know who sends.
    if length <= bodies.SMALL or bodies.upload_limit(request.path_info) is not None:
        return None
    return TOO_LARGE if length > bodies.limit(request.path_info) else None


def _answer(request: HttpRequest, refused: Refused) -> HttpResponse:
    is_data = request.path_info.startswith(ROOTS) or request.path_info in PREDECESSOR
    answer = _as_data(request, refused) if is_data else _as_page(refused)
    if refused.status != TOO_LARGE.status:
        answer.headers["Retry-After"] = "60"
    return answer


def _as_data(request: HttpRequest, refused: Refused) -> HttpResponse:
    if request.path_info.startswith(FHIR):
        body = outcome((issue_code(refused.status), str(refused.sentence)))
        return JsonResponse(body, status=refused.status, content_type=MEDIA_TYPE)
    return _as_problem(request, refused)


def _as_problem(request: HttpRequest, refused: Refused) -> HttpResponse:
    retryable = refused.status != TOO_LARGE.status
    body = problem(refused.status, refused.code, str(refused.sentence), retryable=retryable).data
    if request.path_info in PREDECESSOR:
        return shape.refused(request.path_info, body, status=refused.status)
    return JsonResponse(body, status=refused.status, content_type=PROBLEM)


def _as_page(refused: Refused) -> HttpResponse:
    context = {"product_name": product.NAME, "refused": refused}
    return HttpResponse(render_to_string("refused.html", context), status=refused.status)
