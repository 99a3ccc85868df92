"""Pages of errors. Each says what happened and what to do; none shows a traceback or a path."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from diagnosis.database import is_database_away
from diagnosis.disk import is_disk_full
from diagnosis.errors import ConfidentialRecord, Deleted
from diagnosis.views.emergency import closed_record
from portal import product


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return bare("400.html", status=400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The sentence of `exception` is written for the person (accounts.permissions.require)."""
    if isinstance(exception, ConfidentialRecord):
        return closed_record(request, exception.patient)
    return render(request, "403.html", {"sentence": str(exception)}, status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, Deleted):
        return render(request, "410.html", {"deleted": exception, "made": exception.deletion}, status=410)
    return render(request, "404.html", status=404)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    return render(request, "429.html", status=429)


def server_error(request: HttpRequest) -> HttpResponse:
    """Called while the error is being handled: a full disk, and a database that is away, are told as what they are."""
    error = sys.exception()
    if is_disk_full(error):
        return bare("507.html", status=507)
    return bare("503_database.html", status=503) if is_database_away(error) else bare("500.html", status=500)


def bare(template: str, *, status: int) -> HttpResponse:
    """A page without request, person or database: whatever failed may fail again."""
    return HttpResponse(render_to_string(template, {"product_name": product.NAME}), status=status)
