"""A request that is sent again, because its answer was lost, is done once: header `Idempotency-Key`.

Only what succeeded is kept. A refusal changed nothing, so the same request again may be decided anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import Error
from django.http import Http404, QueryDict
from django.utils.translation import gettext_noop
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken
from audit import notes
from audit.vocabulary import Action, Event
from diagnosis.api.scope import person, visible
from diagnosis.errors import Refusal
from diagnosis.models import KeptAnswer, Patient
from diagnosis.models.kept_answer import LONGEST_KEY

log = logging.getLogger(__name__)
HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
# After so long a request that never answered is taken for dead; a view that may take longer says so itself.
ANSWERS_WITHIN = timedelta(minutes=2)
RETRY_AFTER = 5
BAD_KEY = gettext_noop("Idempotency-Key must have 1 to %(longest)d printable ASCII characters.")
OTHER_REQUEST = gettext_noop(
    "This Idempotency-Key was used for another request. Send the same request again, or a new key with a new one."
)
IN_PROGRESS = gettext_noop(
    "The request with this Idempotency-Key is still being worked on. Send the same again in a few seconds."
)


class KeyOfAnotherRequest(Refusal):
    """The key stands for something else than what was sent now."""

    http_status = 422


class InProgress(Refusal):
    """The first request with this key has not been answered yet."""

    http_status = 409
    retryable = True
    wait = RETRY_AFTER


def idempotent(post: Callable[..., Response]) -> Callable[..., Response]:
    """Give the answer of `post` again to whoever sends the same key with the same request."""

    @wraps(post)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        if HEADER not in request.headers:
            return post(view, request, *args, **kwargs)
        within = getattr(view, "answers_within", ANSWERS_WITHIN)
        row, is_mine = _take(request, within)
        if not is_mine:
            return _again(row, request)
        return _first(row, lambda: post(view, request, *args, **kwargs))

    once.is_idempotent = True  # type: ignore[attr-defined]
    return once


def _take(request: Request, within: timedelta) -> tuple[KeptAnswer, bool]:
    asked = fingerprint(request)
    taken = {"holder": _holder(request), "key": _key(request), "fingerprint": asked}
    row, is_mine = KeptAnswer.objects.take(**taken, within=within)
    if row is None or (row.status is None and row.fingerprint == asked and not is_mine):
        raise InProgress("in_progress", IN_PROGRESS)
    if row.fingerprint != asked:
        raise KeyOfAnotherRequest("key_of_another_request", OTHER_REQUEST)
    return row, is_mine


def _key(request: Request) -> str:
    key = request.headers[HEADER]
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Refusal("bad_idempotency_key", BAD_KEY, longest=LONGEST_KEY)
    return key


def _holder(request: Request) -> str:
    if isinstance(request.auth, ApiToken):
        return f"token {request.auth.pk}"
    return f"person {person(request).pk}"


def fingerprint(request: Request) -> str:
    """SHA-256 of what is asked for, as hexadecimal digits.

    Of the fields and the bytes of the files, not of the body: a client that sends a form again draws another boundary.
    """
    membership = getattr(request, "membership", None)
    asked = [request.method, request.path, str(membership.pk if membership else ""), _fields(request.data)]
    found = hashlib.sha256()
    for part in json.JSONEncoder(sort_keys=True, default=str).iterencode(asked):
        found.update(part.encode())
    return found.hexdigest()


def _fields(sent: Any) -> Any:
    if isinstance(sent, QueryDict):
        return {name: [_said(value) for value in sent.getlist(name)] for name in sent}
    return dict(sent) if isinstance(sent, Mapping) else sent


def _said(value: Any) -> Any:
    if not isinstance(value, UploadedFile):
        return value
    value.seek(0)
    found = hashlib.sha256()
    for chunk in value.chunks():
        found.update(chunk)
    value.seek(0)
    return ["file", value.name, found.hexdigest()]


def _first(row: KeptAnswer, post: Callable[[], Response]) -> Response:
    try:
        answer = post()
    except BaseException:
        KeptAnswer.objects.begun_as(row).delete()
        raise
    if answer.status_code >= 400:
        KeptAnswer.objects.begun_as(row).delete()
    else:
        _keep(row, answer)
    return answer


def _keep(row: KeptAnswer, answer: Response) -> None:
    """What was done is done: where its answer cannot be kept, it goes out all the same."""
    told = notes.current() or notes.Notes()
    kind, key = next(iter(told.objects), ("", ""))
    fields = {"object_type": kind, "object_id": key, "patient": told.patient, "location": answer.get("Location", "")}
    try:
        KeptAnswer.objects.begun_as(row).update(
            status=answer.status_code, body=JSONRenderer().render(answer.data).decode(), **fields
        )
    except Error:
        log.critical("the answer to %s could not be kept", row, exc_info=True)


def _again(row: KeptAnswer, request: Request) -> Response:
    """Raises Http404 where the record has been closed to the person since."""
    if row.object_type:
        notes.note_object(row.object_type, row.object_id, patient=row.patient)
    notes.note_event(Event.RECORD, Action.READ)
    if row.patient and not visible(Patient.objects.all(), request).filter(pk=row.patient).exists():
        raise Http404
    headers = {REPLAYED: "true"} | ({"Location": row.location} if row.location else {})
    return Response(json.loads(row.body) if row.body else None, status=row.status, headers=headers)
