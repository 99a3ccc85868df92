from __future__ import annotations

from typing import Any, cast

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from diagnosis.actions.patient import amend_patient, register_compared_patient
from diagnosis.api import examples, history
from diagnosis.api.conditional import require_match
from diagnosis.api.errors import TITLES
from diagnosis.api.idempotency import idempotent
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import clinic_of, person, visible
from diagnosis.api.serializers.history import EventSerializer
from diagnosis.api.serializers.patient import NewPatientSerializer, PatientSerializer
from diagnosis.api.serializers.problem import ProblemSerializer
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from diagnosis.api.views.study import with_analyses
from diagnosis.audited import note_row, note_rows
from diagnosis.errors import ALIKE, PossibleDuplicates
from diagnosis.models import Patient
from diagnosis.models.patient import BY_NAME, PatientQuerySet

SEARCH = OpenApiParameter(
    "search",
    str,
    description="beginnings of words of the record number, its parts or the name; birth dates and years of birth",
)
_ALIKE = examples.problem(
    409, TITLES[409], "possible_duplicates", ALIKE, possible_duplicates=examples.POSSIBLE_DUPLICATES
)
POSSIBLE_DUPLICATES = OpenApiResponse(ProblemSerializer, TITLES[409], [_ALIKE])
NUMBER = OpenApiParameter("medical_record_number", str, description="exactly this record number")


class _PatientView(Strict, generics.GenericAPIView[Patient]):
    serializer_class = PatientSerializer

    def get_queryset(self) -> QuerySet[Patient]:
        return visible(Patient.objects.all(), self.request)


class Patients(_PatientView, generics.ListCreateAPIView[Patient]):
    """The patients of your clinic, by name."""

    pagination_class = Pages
    filters = (SEARCH, NUMBER)
    order = BY_NAME
    # A search leaves a list of keys already. With that of a page beside it PostgreSQL reads all patients of the clinic.
    keys_first = False

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Records in use, as asked for."""
        asked = self.request.query_params
        found = cast(PatientQuerySet, queryset).current().search(asked.get("search", ""))
        if NUMBER.name in asked:
            found = found.filter(medical_record_number=asked[NUMBER.name])
        return found

    @extend_schema(summary="List or find patients", responses={200: PatientSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """The records in use, by name. A number or name that nobody has gives an empty list."""
        return self.list(request)

    @extend_schema(
        summary="Register a patient",
        request=NewPatientSerializer,
        responses={201: PatientSerializer, **problems(403, 422), 409: POSSIBLE_DUPLICATES},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Register a patient; the record number must be free in the clinic.

        Where the person may be registered already, the answer is 409 with `possible_duplicates`, and nothing is
        registered. Once a person has compared the records, send the same again with their keys in `compared`.
        """
        return self.create(request)

    def get_serializer_class(self) -> type[PatientSerializer]:
        return NewPatientSerializer if self.request.method == "POST" else PatientSerializer

    def perform_create(self, serializer: BaseSerializer[Patient]) -> None:
        clinic, fields = clinic_of(self.request), serializer.validated_data
        try:
            serializer.instance = register_compared_patient(by=person(self.request), clinic=clinic, **fields)
        except PossibleDuplicates as found:
            note_rows(Patient, found.patients)
            raise
        note_row(serializer.instance)


class OnePatient(_PatientView, generics.RetrieveUpdateAPIView[Patient]):
    """One patient's record."""

    http_method_names = ["get", "patch", "head", "options"]

    @extend_schema(summary="Read a patient's record", responses={200: PatientSerializer, **problems(404)})
    def get(self, request: Request, pk: str) -> Response:
        """One patient's record."""
        return self.retrieve(request)

    @extend_schema(summary="Correct a patient's record", responses={200: PatientSerializer, **problems(403, 404, 412)})
    def patch(self, request: Request, pk: str) -> Response:
        """Change what is sent; the record as it was stays in the history.

        With `If-Match` and the tag of the record that you read, nothing is changed where somebody else did so since.
        """
        with transaction.atomic():
            self._require_match(request)
            return self.partial_update(request)

    def _require_match(self, request: Request) -> None:
        """Nobody changes the record between this look and the change."""
        if "If-Match" in request.headers:
            list(self.get_queryset().filter(pk=self.kwargs["pk"]).select_for_update(of=("self",)))
            require_match(request, self.get_serializer(self.get_object()).data)

    def perform_update(self, serializer: BaseSerializer[Patient]) -> None:
        assert serializer.instance is not None
        amend_patient(by=person(self.request), patient=serializer.instance, **serializer.validated_data)


class History(_PatientView):
    """A patient's studies with their results, and the changes of the record, newest first."""

    pagination_class = Pages

    @extend_schema(summary="Read a patient's history", responses={200: EventSerializer(many=True), **problems(404)})
    def get(self, request: Request, pk: str) -> Response:
        assert isinstance(self.paginator, Pages)
        events = history.page_of(self.get_object(), with_analyses(request), self.paginator, request)
        payload = EventSerializer(events, many=True, context=self.get_serializer_context()).data
        return self.get_paginated_response(payload)
