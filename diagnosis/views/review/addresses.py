"""Addresses of the reading room that carry the queue's filters from case to case."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

NAMES = ("clinic", "modality", "zone", "age", "kind", "marked", "mine", "sort")


def carried(request: HttpRequest) -> dict[str, str]:
    """The filters that came with the request."""
    sent = request.POST if request.method == "POST" else request.GET
    return {name: sent[name] for name in NAMES if sent.get(name)}


def queue_url(request: HttpRequest) -> str:
    return _with(reverse("diagnosis:queue"), request)


def review_url(request: HttpRequest, pk: Any) -> str:
    return _with(reverse("diagnosis:review", args=[pk]), request)


def _with(path: str, request: HttpRequest) -> str:
    filters = urlencode(carried(request))
    return f"{path}?{filters}" if filters else path
