from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.locale import chosen_time_zone
from diagnosis.api.files import PRIVATE
from diagnosis.api.strict import UnknownParameter
from dicomweb.accepting import json_type
from dicomweb.attributes import Attributes


class _ProblemsInJson(BaseContentNegotiation):
    """REST framework draws nothing here but errors; what a client accepts is asked by the views."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return next(iter(parsers))

    def select_renderer(self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None) -> Any:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class DicomWebView(APIView):
    """Its addresses are PS3.18's and not the portal's own, so they are not in the description of the API."""

    schema: Any = None
    content_negotiation_class: Any = _ProblemsInJson
    # Beside the ones of a search, which has its own.
    known: ClassVar[tuple[str, ...]] = ("accept",)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """DICOM says times without a zone: they are those of the clinic's clocks, as in its files."""
        super().initial(request, *args, **kwargs)
        membership = getattr(request, "membership", None)
        clinic = membership.clinic if membership else None
        timezone.activate(chosen_time_zone(None, clinic))  # until the middleware ends it
        for parameter in request.query_params if self.known else ():
            if parameter not in self.known:
                raise UnknownParameter(parameter, self.known)


def as_json(request: Request, found: Sequence[Attributes]) -> HttpResponse:
    return HttpResponse(json.dumps(found), content_type=json_type(request), headers=PRIVATE)
