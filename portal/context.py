"""What every page may show."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def portal(request: HttpRequest) -> dict[str, Any]:
    return {"portal_version": settings.VERSION, "membership": getattr(request, "membership", None)}
