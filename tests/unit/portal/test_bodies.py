"""How much a request may bring, and what it is told that brings more."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from portal import bodies
from portal.middleware import BodyLimitMiddleware

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    "path", ["/accounts/sign-in/", "/contact/", "/api/v1/tokens/", "/api/v1/patients/", "/nowhere/"]
)
def test_forms_are_small(path: str) -> None:
    assert bodies.upload_limit(path) is None
    assert bodies.limit(path) <= MEGABYTE // 2


def test_uploads_are_large_enough_for_the_largest_file() -> None:
    for path in ("/api/v1/scans/", "/api/v1/archives/", f"/patients/{uuid4()}/scans/"):
        assert (bodies.upload_limit(path) or 0) >= settings.UPLOAD_MAX_BYTES * 4 / 3, path


@pytest.mark.parametrize(
    ("path", "extra", "status"),
    [
        ("/contact/", {"CONTENT_LENGTH": str(MEGABYTE)}, 413),
        ("/contact/", {"CONTENT_LENGTH": "1000"}, 200),
        ("/admin/accounts/clinic/1/change/", {"CONTENT_LENGTH": str(2 * MEGABYTE)}, 200),
        ("/admin/accounts/clinic/1/change/", {"CONTENT_LENGTH": str(4 * MEGABYTE)}, 413),
        ("/api/v1/tokens/", {"CONTENT_LENGTH": str(MEGABYTE)}, 413),
        ("/api/v1/scans/", {"CONTENT_LENGTH": str(50 * MEGABYTE)}, 200),
        ("/api/v1/scans/", {"CONTENT_LENGTH": "10", "portal.refusal": "too_many"}, 429),
        ("/api/v1/scans/", {"CONTENT_LENGTH": "10", "portal.refusal": "unavailable"}, 503),
    ],
)
def test_what_is_too_much_is_refused_unread(path: str, extra: dict[str, str], status: int) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    answer = BodyLimitMiddleware(view)(RequestFactory().generic("POST", path, **extra))
    assert answer.status_code == status
    assert ("Retry-After" in answer) == (status in (429, 503))


def test_the_answer_is_a_page_with_a_sentence(db: None) -> None:
    answer = Client().post("/contact/", {"message": "a" * MEGABYTE})
    assert answer.status_code == 413
    assert "Shorten what you wrote" in answer.content.decode()
