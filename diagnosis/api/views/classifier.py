from __future__ import annotations

from collections.abc import Sequence

from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from diagnosis.analyses import classifiers
from diagnosis.api.pagination import Pages
from diagnosis.api.serializers.classifier import ClassifierSerializer, EnsembleSerializer
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from ml.ensemble import EnsembleSpec
from ml.spec import ClassifierSpec


class _Specs(Strict, generics.GenericAPIView):
    """A list that lies in files beside the code."""

    pagination_class = Pages

    def answer(self, specs: Sequence[ClassifierSpec | EnsembleSpec]) -> Response:
        assert isinstance(self.paginator, Pages)
        page = self.paginator.paginate_list(specs, self.request, key=lambda spec: spec.identity)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class Classifiers(_Specs):
    """The classifiers that are active here. Loads no weights."""

    serializer_class = ClassifierSerializer

    @extend_schema(
        summary="List the classifiers",
        operation_id="classifiers_list",
        responses={200: ClassifierSerializer(many=True), **problems()},
    )
    def get(self, request: Request) -> Response:
        """The active ones: what each was made from, how it was measured, what it must not be used for."""
        return self.answer(classifiers.active_specs())


class Ensembles(_Specs):
    """What combines the classifiers' answers here; it speaks only while exactly its members are active."""

    serializer_class = EnsembleSerializer

    @extend_schema(
        summary="List the ensembles",
        operation_id="ensembles_list",
        responses={200: EnsembleSerializer(many=True), **problems()},
    )
    def get(self, request: Request) -> Response:
        """What combines the classifiers' answers here; each speaks only while exactly its members are active."""
        return self.answer(classifiers.ensembles())
