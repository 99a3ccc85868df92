"""What programs should no longer be built on: one table, which answers, the OpenAPI schema and the manual read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import http_date

from audit.programs import SEND_BASE64, UPLOAD

# Programs have as long at least, from the day of the decision to the last day.
NOTICE_PERIOD = timedelta(days=183)


@dataclass(frozen=True)
class Deprecation:
    """`since`: the day of the decision; `until`: the last day, None while none is set. Days are those of UTC.

    `successor`: the address to ask instead, by the same method, as OpenAPI writes it.
    Raises ValueError where the last day comes too soon.
    """

    since: date
    successor: str
    until: date | None = None

    def __post_init__(self) -> None:
        if self.until and self.until < self.since + NOTICE_PERIOD:
            raise ValueError(f"{self.until} is less than {NOTICE_PERIOD.days} days after {self.since}")


# By method and address, as OpenAPI writes them.
DEPRECATED: Mapping[str, Deprecation] = {
    f"POST {SEND_BASE64}": Deprecation(since=date(2026, 11, 27), successor="/api/v1/scans/"),
    f"POST {UPLOAD}": Deprecation(since=date(2026, 11, 27), successor="/api/v1/scans/"),
}


class DeprecationMiddleware:
    """Tells of it in every answer: refusals come from before a view is asked, too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.get_response(request)
        if found := DEPRECATED.get(f"{request.method} {_address(request)}"):
            for name, value in _headers(found, request).items():
                answer.headers[name] = value
        return answer


def _address(request: HttpRequest) -> str:
    """As OpenAPI writes it; the path itself where no view was looked for."""
    return as_template(request.resolver_match.route) if request.resolver_match else request.path_info


def as_template(route: str) -> str:
    """`api/v1/scans/<uuid:pk>/` as OpenAPI writes it."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route).replace("{pk}", "{id}")


def _headers(deprecation: Deprecation, request: HttpRequest) -> dict[str, str]:
    """`Deprecation` and its link by RFC 9745, `Sunset` by RFC 8594, the successor's link by RFC 5829."""
    headers = {"Deprecation": f"@{_midnight(deprecation.since)}", "Link": _links(deprecation, request)}
    if deprecation.until:
        headers["Sunset"] = http_date(_midnight(deprecation.until + timedelta(days=1)))
    return headers


def _midnight(day: date) -> int:
    """When it begins, in seconds since 1970."""
    return int(datetime.combine(day, time(), UTC).timestamp())


def _links(deprecation: Deprecation, request: HttpRequest) -> str:
    described = f'<{request.build_absolute_uri(reverse("api:docs"))}>; rel="deprecation"; type="text/html"'
    if "{" in deprecation.successor:  # an address with a key cannot be followed
        return described
    return f'{described}, <{request.build_absolute_uri(deprecation.successor)}>; rel="successor-version"'


def table() -> str:
    """Of Markdown, for the manual and for the description of the schema."""
    head = ["| Address | Deprecated since | Last day | Instead |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *(_row(operation, one) for operation, one in DEPRECATED.items())])


def _row(operation: str, one: Deprecation) -> str:
    method, _blank, _address = operation.partition(" ")
    return f"| `{operation}` | {one.since} | {one.until or 'not set'} | `{method} {one.successor}` |"


def as_deprecated(result: dict[str, Any], **_more: object) -> dict[str, Any]:
    """A hook of drf-spectacular. The description names also what has no place in the schema."""
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if f"{method.upper()} {path}" in DEPRECATED:
                operation["deprecated"] = True
    if DEPRECATED:
        result["info"]["description"] += f"\n\n## Deprecated\n\n{table()}\n"
    return result
