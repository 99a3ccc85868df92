"""Create and update: of orders alone. Everything else that FHIR shows here is made on the pages, or by images."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission, require
from audit.notes import note_event
from audit.vocabulary import Action, Event
from diagnosis.api import scope
from fhir import placing, query
from fhir.bodies import FhirParser, PlainParser
from fhir.placing import Placed
from fhir.views import FhirView, Read, Search, headers_of


class _Writing(FhirView):
    parser_classes = [FhirParser, PlainParser]

    def placed(self, request: Request, made: Placed) -> Response:
        """The order as a read gives it now, or its headers alone where the client wishes no more."""
        note_event(Event.IMPORT, Action.CREATE if made.is_new else Action.UPDATE)
        one = self.kind.read(request, str(made.order.pk))
        headers = {**headers_of(one), "Location": f"{self.base}/{self.kind.name}/{made.order.pk}"}
        is_brief = "return=minimal" in query.preferences(request.headers)
        return Response(None if is_brief else one.resource, status=201 if made.is_new else 200, headers=headers)


@extend_schema(exclude=True)
class Orders(Search, _Writing):
    """For those who follow orders, in the name of an ordering system of their clinic."""

    def post(self, request: Request) -> Response:
        self.require_known(request)
        clinic = scope.clinic_of(request)
        require(scope.person(request), Permission.FOLLOW_ORDER, clinic)
        return self.placed(request, placing.create(request, clinic, base=self.base))

    def put(self, request: Request) -> Response:
        """By the placer's identifier, whether the order is known or not."""
        clinic = scope.clinic_of(request)
        require(scope.person(request), Permission.FOLLOW_ORDER, clinic)
        return self.placed(request, placing.update(request, clinic, base=self.base))


@extend_schema(exclude=True)
class OneOrder(Read, _Writing):
    def put(self, request: Request, key: str) -> Response:
        self.require_known(request)
        return self.placed(request, placing.replace(request, key, base=self.base))
