"""JSON alone, under the media type of FHIR, whichever of its names a client asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.utils.mediatypes import _MediaType

from fhir.outcomes import MEDIA_TYPE

FORMAT = "_format"
JSON = ("application/fhir+json", "application/json", "text/json", "json")


class FhirRenderer(JSONRenderer):
    media_type = MEDIA_TYPE
    format = "json"


class Negotiation(BaseContentNegotiation):
    """`_format` before the header, as R4 has it. Raises NotAcceptable for XML and Turtle, which are not made here."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        sent = _MediaType(request.content_type or "")
        return next((one for one in parsers if _MediaType(one.media_type).match(sent)), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        asked = request.query_params.get(FORMAT)
        # A plus sign in an address is a blank.
        is_json = asked.replace(" ", "+").partition(";")[0] in JSON if asked else _accepts(request)
        if not is_json:
            raise NotAcceptable
        return next(iter(renderers)), MEDIA_TYPE


def _accepts(request: Request) -> bool:
    ranges = [_MediaType(one.strip()) for one in request.headers.get("Accept", "*/*").split(",")]
    return any(_MediaType(name).match(one) for name in JSON[:3] for one in ranges)
