"""Read, search and metadata."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.notes import note_event
from audit.vocabulary import Action, Event
from diagnosis.api.strict import UnknownParameter
from diagnosis.interchange.fhir.elements import Resource
from fhir import capability, outcomes, query, searchset
from fhir.kinds import Entry, Kind
from fhir.rendering import FORMAT, FhirRenderer, Negotiation

PRIVATE = "private, no-cache"


class FhirView(APIView):
    renderer_classes = [FhirRenderer]
    parser_classes = [FormParser]
    content_negotiation_class = Negotiation
    kind: ClassVar[Any] = None  # a Kind, given in the address table

    def get_exception_handler(self) -> Any:
        return outcomes.handle

    @property
    def base(self) -> str:
        address: str = self.request.build_absolute_uri(reverse("fhir:metadata"))
        return address.removesuffix("/metadata")

    def require_known(self, request: Request) -> None:
        """Only the parameters of every answer."""
        for name in request.query_params:
            if name not in (FORMAT, query.PRETTY):
                raise UnknownParameter(name, [FORMAT, query.PRETTY])


@extend_schema(exclude=True)
class Metadata(FhirView):
    """Open to everybody: a program reads it before it knows how to sign in, and it tells of no clinic."""

    authentication_classes = []
    permission_classes = []

    def get(self, request: Request) -> Response:
        self.require_known(request)
        return Response(capability.statement(self.base))


@extend_schema(exclude=True)
class Read(FhirView):
    """One resource, with its version as ETag."""

    def get(self, request: Request, key: str) -> Response | HttpResponse:
        self.require_known(request)
        kind: Kind = self.kind
        return _answer(request, kind.read(request, key))


def headers_of(one: Entry) -> dict[str, str]:
    """Its version and when it changed last."""
    headers = {"ETag": f'W/"{one.version}"', "Cache-Control": PRIVATE}
    return headers | ({"Last-Modified": http_date(int(one.changed.timestamp()))} if one.changed else {})


def _answer(request: Request, one: Entry) -> Response | HttpResponse:
    headers = headers_of(one)
    modified = int(one.changed.timestamp()) if one.changed else None
    unchanged = get_conditional_response(request._request, etag=headers["ETag"], last_modified=modified)
    if unchanged is not None and unchanged.status_code == 304:
        return HttpResponse(status=304, headers=headers)
    return Response(one.resource, headers=headers)


class _Searching(FhirView):
    def find(self, request: Request) -> Response:
        kind: Kind = self.kind
        asked = query.read(request, parameters=kind.parameters, includes=kind.includes)
        found = kind.search(request, asked)
        included = searchset.included(request, kind, asked, found)
        address = f"{self.base}/{kind.name}"
        made: Resource = searchset.bundle(
            found, included, base=self.base, address=address, sent=query.asked(request), ignored=asked.ignored
        )
        return Response(made, headers={"Cache-Control": "private, no-store"})


@extend_schema(exclude=True)
class Search(_Searching):
    def get(self, request: Request) -> Response:
        return self.find(request)


@extend_schema(exclude=True)
class SearchForm(_Searching):
    """The same with the parameters in the body: names do not belong in addresses, which end up in logs."""

    def post(self, request: Request) -> Response:
        note_event(Event.QUERY, Action.READ)
        return self.find(request)


@extend_schema(exclude=True)
class Nowhere(FhirView):
    """Every other address below: programs get an OperationOutcome there too."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        super().initial(request, *args, **kwargs)
        raise Http404
