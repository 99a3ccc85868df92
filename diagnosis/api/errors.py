"""Every error of the API in the one shape of RFC 9457, with a code for programs and whether to try again.

{"type", "title", "status", "detail", "code", "retryable", …}, sent as application/problem+json.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as FieldsInvalid
from django.http import Http404
from django.utils.translation import gettext, gettext_noop
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from diagnosis.database import is_database_away
from diagnosis.disk import is_disk_full
from diagnosis.errors import Deleted, DiskFull, Refusal

log = logging.getLogger(__name__)

NOT_FOUND = gettext_noop(
    "There is no such thing here, or you may not see it. Check the address and the clinic you work in."
)
MALFORMED = gettext_noop("The request could not be read. Compare it with the API's documentation.")
FORBIDDEN = gettext_noop("Your role does not allow this. Ask an administrator of your clinic.")
UNEXPECTED = gettext_noop("An unexpected error was logged. Try again; if it happens again, tell your administrator.")
DATABASE_AWAY = gettext_noop("The database cannot be reached right now. Nothing was changed; try again in a minute.")
PROBLEM = "application/problem+json"
# What went wrong in general; `detail` says it of this request.
TITLES = {
    400: gettext_noop("The request is malformed."),
    401: gettext_noop("There is no token or session, or it no longer counts."),
    403: gettext_noop("Your role does not allow this."),
    404: gettext_noop("There is no such thing here, or you may not see it."),
    405: gettext_noop("This address does not know that method."),
    406: gettext_noop("There is no answer in the format that was asked for."),
    409: gettext_noop("The state of the thing forbids this now."),
    410: gettext_noop("It was deleted."),
    412: gettext_noop("It has been changed since it was read."),
    413: gettext_noop("The file is larger than what is accepted."),
    415: gettext_noop("The request is in a format that is not read here."),
    422: gettext_noop("The file or the request was refused."),
    429: gettext_noop("Too many attempts; wait as long as Retry-After says."),
    500: gettext_noop("Something went wrong in the portal."),
    503: gettext_noop("Not at the moment; try again."),
    507: gettext_noop("The server's disk is full; nothing was stored."),
}
# What a client may send again unchanged: it came too early, not wrong.
RETRYABLE = {status.HTTP_429_TOO_MANY_REQUESTS, status.HTTP_503_SERVICE_UNAVAILABLE}


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler. Sentences go out; anything unforeseen goes to the log and out as `unexpected`."""
    set_rollback()
    answer = _answer(error, context["request"].path)
    if _renders_other_than_json(context["request"]):
        answer.content_type = None
    return answer


def _answer(error: Exception, path: str) -> Response:
    match error:
        case Refusal():
            answer = _refused(error)
        case Http404():
            answer = _not_there(error)
        case PermissionDenied():
            answer = problem(403, "forbidden", str(error) or gettext(FORBIDDEN))
        case SuspiciousOperation():
            answer = problem(400, "malformed", gettext(MALFORMED))
        case FieldsInvalid():
            answer = _invalid(_by_field(error))
        case exceptions.ValidationError():
            answer = _invalid(error.detail)
        case exceptions.APIException():
            answer = _of_framework(error)
        case _:
            log.error("unexpected error in %s", path, exc_info=error)
            answer = _unforeseen(error)
    return answer


def _refused(refusal: Refusal) -> Response:
    answer = problem(
        refusal.http_status, refusal.code, refusal.sentence, retryable=refusal.retryable, **refusal.details
    )
    if wait := getattr(refusal, "wait", None):
        answer["Retry-After"] = str(wait)
    return answer


def _not_there(error: Http404) -> Response:
    if isinstance(error, Deleted):
        return problem(410, "deleted", error.sentence)
    return problem(404, "not_found", gettext(NOT_FOUND))


def _unforeseen(error: Exception) -> Response:
    if is_disk_full(error):
        full = DiskFull()
        return problem(full.http_status, full.code, full.sentence, retryable=full.retryable)
    if is_database_away(error):
        return problem(503, "database_away", gettext(DATABASE_AWAY), retryable=True)
    return problem(500, "unexpected", gettext(UNEXPECTED), retryable=True)


def _renders_other_than_json(request: Request) -> bool:
    """The schema's own page answers in YAML, errors too."""
    renderer = getattr(request, "accepted_renderer", None)
    return renderer is not None and renderer.format != "json"


def problem(http_status: int, code: str, detail: str, *, retryable: bool = False, **more: Any) -> Response:
    """One sentence for a person, one code for a program. The type names the code: there is no page to open for it."""
    body = _body(http_status, code, detail, retryable=retryable, **more)
    return Response(body, status=http_status, content_type=PROBLEM)


def refusal_body(refusal: Refusal) -> dict[str, Any]:
    """The problem of one thing among several, inside an answer that tells of all."""
    return _body(refusal.http_status, refusal.code, refusal.sentence, retryable=refusal.retryable, **refusal.details)


def _body(http_status: int, code: str, detail: str, *, retryable: bool, **more: Any) -> dict[str, Any]:
    return {
        "type": f"urn:problem-type:{code.replace('_', '-')}",
        "title": gettext(TITLES.get(http_status, TITLES[500])),
        "status": http_status,
        "detail": detail,
        "code": code,
        "retryable": retryable,
        **more,
    }


def _invalid(errors: Any) -> Response:
    """`errors` keeps the sentences by field; `detail` tells them in one line."""
    return problem(400, "invalid", " ".join(_lines(errors)), errors=errors)


def _lines(errors: Any, field: str = "") -> Iterator[str]:
    if isinstance(errors, Mapping):
        for name, inner in errors.items():
            yield from _lines(inner, "" if name in (NON_FIELD_ERRORS, "non_field_errors") else str(name))
    elif isinstance(errors, list):
        for inner in errors:
            yield from _lines(inner, field)
    else:
        yield f"{field}: {errors}" if field else str(errors)


def _by_field(error: FieldsInvalid) -> Mapping[str, list[str]]:
    return error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}


def _of_framework(error: exceptions.APIException) -> Response:
    code = error.get_codes()
    answer = problem(
        error.status_code,
        code if isinstance(code, str) else "invalid",
        str(error.detail),
        retryable=error.status_code in RETRYABLE,
    )
    if scheme := getattr(error, "auth_header", None):
        answer["WWW-Authenticate"] = scheme
    if wait := getattr(error, "wait", None):
        answer["Retry-After"] = str(int(wait))
    return answer
