"""Answers that a client has already: `ETag` and `If-None-Match`, and `If-Match` before a change.

A tag is a digest of the answer itself. It therefore differs wherever two people are shown different things, and no
field that somebody adds later can be forgotten. It spares the way to the client, not the work of finding the answer.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.http import http_date, parse_etags, parse_http_date_safe
from django.utils.translation import gettext_noop
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from diagnosis.errors import Refusal

CHANGED = gettext_noop(
    "It has been changed since you read it, so nothing was saved. Read it again and compare before you send this."
)


class ChangedSince(Refusal):
    """The client would overwrite what it has not seen."""

    http_status = 412


def tag_of(data: Any) -> str:
    """Of what an answer in JSON says, however it is indented."""
    return _quoted(JSONRenderer().render(data))


def _quoted(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def tagged(request: Request, answer: HttpResponseBase) -> HttpResponseBase:
    """`answer` with its tag, or 304 without a body where the client has it. A view may have set a tag itself."""
    if answer.status_code != 200:
        return answer
    if "ETag" not in answer.headers:
        answer.headers["ETag"] = _tag(answer)
    return _unchanged(answer) if _is_known(request, answer) else answer


def _tag(answer: HttpResponseBase) -> str:
    if isinstance(answer, Response):
        return tag_of(answer.data)
    assert isinstance(answer, HttpResponse)  # one that streams names its own
    return _quoted(answer.content)


def _is_known(request: Request, answer: HttpResponseBase) -> bool:
    """RFC 9110, 13.2.2: a date counts only where no tag was sent."""
    if sent := request.headers.get("If-None-Match"):
        tags = [tag.removeprefix("W/") for tag in parse_etags(sent)]
        return "*" in tags or answer.headers["ETag"] in tags
    since = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    changed = parse_http_date_safe(answer.headers.get("Last-Modified", ""))
    return since is not None and changed is not None and changed <= since


def _unchanged(answer: HttpResponseBase) -> HttpResponse:
    bare = HttpResponseNotModified()
    for name, value in answer.headers.items():
        if not name.lower().startswith("content-"):
            bare.headers[name] = value
    # A file may be open, and to close it here would end the request.
    bare._resource_closers += answer._resource_closers  # type: ignore[attr-defined]
    return bare


def of_file(sha256: str, changed: float) -> dict[str, str]:
    """Headers of a stored file, which is never altered."""
    return {"ETag": f'"{sha256}"', "Last-Modified": http_date(changed)}


def require_match(request: Request, data: Any) -> None:
    """Raise ChangedSince where the client says which state it read, and `data`, as it is now, is another."""
    sent = request.headers.get("If-Match")
    if sent is not None and not {"*", tag_of(data)} & set(parse_etags(sent)):
        raise ChangedSince("changed_since", CHANGED)
