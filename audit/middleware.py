"""One entry for each request that shows or changes something, stored before the answer leaves."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from audit import chain, programs, record
from audit.notes import Notes, collecting
from audit.vocabulary import Action, Event

log = logging.getLogger(__name__)
# They keep a claim alive or count notices, for minutes on end, and show and change nothing of a patient.
QUIET = frozenset({"diagnosis:review-renew", "diagnosis:notifications-unread", "accounts:alive"})
SIGN_IN = frozenset({"account_login", "api:tokens"})
REFUSED = (401, 403, 404)
TOO_MANY = 429


class AuditMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with collecting() as notes:
            response = self.get_response(request)
        if not _counts(request, response, notes):
            return response
        try:
            chain.append(record.of_request(request, response, notes))
        except (Error, ValueError):  # ValueError: psycopg2 stores no NUL
            log.critical("no entry in the audit trail: %s", record.route_of(request), exc_info=True)
            return _after_failure(request, response, notes)
        return response


def _counts(request: HttpRequest, response: HttpResponse, notes: Notes) -> bool:
    route = record.route_of(request)
    if route in QUIET and notes.event != Event.LOGOUT:
        return False
    if request.method in record.READING:
        return not notes.is_empty or _was_refused(request, response)
    return not notes.is_empty or request.user.is_authenticated or _was_closed(route, response)


def _was_refused(request: HttpRequest, response: HttpResponse) -> bool:
    """Somebody who signed in asked for one thing by its key, and got nothing."""
    named = request.resolver_match is not None and bool(request.resolver_match.kwargs)
    return named and response.status_code in REFUSED and request.user.is_authenticated


def _was_closed(route: str, response: HttpResponse) -> bool:
    """A sign-in that was not even tried, after too many failures."""
    return route in SIGN_IN and response.status_code == TOO_MANY


def _after_failure(request: HttpRequest, response: HttpResponse, notes: Notes) -> HttpResponse:
    """Nothing is shown without an entry. What was changed is changed: that answer goes out, and the log says so."""
    if request.method not in record.READING and notes.action != Action.READ:  # a search may come by POST
        return response
    if response.streaming:
        response.close()  # an original's file is open
    if not request.path_info.startswith(programs.ROOTS):
        return render(request, "503.html", status=503)
    sentence = _("Nothing can be shown now, because it could not be written down who looked. Try again in a minute.")
    if request.path_info.startswith(programs.FHIR):
        return _as_outcome(sentence)
    problem = {"type": "urn:problem-type:unaudited", "title": _("Not available"), "status": 503, "detail": sentence}
    return JsonResponse(
        problem | {"code": "unaudited", "retryable": True}, status=503, content_type="application/problem+json"
    )


def _as_outcome(sentence: str) -> HttpResponse:
    """As FHIR R4 tells of an error."""
    issue = {"severity": "error", "code": "transient", "diagnostics": sentence}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return JsonResponse(outcome, status=503, content_type="application/fhir+json")
