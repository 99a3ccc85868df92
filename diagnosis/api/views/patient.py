from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from diagnosis.actions.patient import amend_patient, register_patient
from diagnosis.api import history
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import clinic_of, person, visible
from diagnosis.api.serializers.history import EventSerializer
from diagnosis.api.serializers.patient import PatientSerializer
from diagnosis.api.views.problems import problems
from diagnosis.api.views.scan import with_results
from diagnosis.models import Patient

SEARCH = OpenApiParameter("search", str, description="begins of words of the number or the name")


class _PatientView(generics.GenericAPIView[Patient]):
    serializer_class = PatientSerializer
    pagination_class = Pages

    def get_queryset(self) -> QuerySet[Patient]:
        return visible(Patient.objects.all(), self.request)


@extend_schema(responses={**problems(400, 403)})
class Patients(_PatientView, generics.ListCreateAPIView[Patient]):
    """The patients of your clinic, by name."""

    def get_queryset(self) -> QuerySet[Patient]:
        found = Patient.objects.current().search(self.request.query_params.get("search", ""))
        return visible(found, self.request)

    @extend_schema(parameters=[SEARCH], responses={200: PatientSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(responses={201: PatientSerializer, **problems(400, 403)})
    def post(self, request: Request) -> Response:
        """Register a patient; the record number must be free in the clinic."""
        return self.create(request)

    def perform_create(self, serializer: BaseSerializer[Patient]) -> None:
        clinic = clinic_of(self.request)
        serializer.instance = register_patient(by=person(self.request), clinic=clinic, **serializer.validated_data)


class OnePatient(_PatientView, generics.RetrieveUpdateAPIView[Patient]):
    """One patient's record."""

    http_method_names = ["get", "patch", "head", "options"]

    def perform_update(self, serializer: BaseSerializer[Patient]) -> None:
        assert serializer.instance is not None
        amend_patient(by=person(self.request), patient=serializer.instance, **serializer.validated_data)


class History(_PatientView):
    """A patient's scans with their results, and the changes of the record, newest first."""

    @extend_schema(responses={200: EventSerializer(many=True), **problems(404)})
    def get(self, request: Request, pk: str) -> Response:
        assert isinstance(self.paginator, Pages)
        events = history.page_of(self.get_object(), with_results(request), self.paginator, request)
        payload = EventSerializer(events, many=True, context=self.get_serializer_context()).data
        return self.get_paginated_response(payload)
