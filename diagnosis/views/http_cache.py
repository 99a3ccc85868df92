"""Answers that a browser may keep but must ask about each time, so that a lost right is lost at once."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response


def private_png(request: HttpRequest, etag: str, make: Callable[[], bytes]) -> HttpResponse:
    """`make`'s PNG, or "not modified"; the caller has checked the person's right before."""
    unchanged = get_conditional_response(request, etag=etag)
    response = HttpResponse(make(), content_type="image/png") if unchanged is None else unchanged
    assert isinstance(response, HttpResponse)
    for name, value in (("ETag", etag), ("Cache-Control", "private, no-cache"), ("Vary", "Cookie")):
        response.headers[name] = value
    return response
