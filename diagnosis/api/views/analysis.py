from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from audit.notes import note_event
from audit.vocabulary import Event
from diagnosis.actions.analysis import cancel_analysis
from diagnosis.api.files import PRIVATE, stored_file
from diagnosis.api.idempotency import idempotent
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import person, readable, visible
from diagnosis.api.serializers.analysis import AnalysisSerializer
from diagnosis.api.serializers.image import ImageResultSerializer
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from diagnosis.audited import note_row
from diagnosis.models import Analysis, ImageResult, Prediction
from diagnosis.rules import blinding

# Seconds a client should wait before it asks again: about as long as one analysis takes.
POLL_SECONDS = 1
RETRY_AFTER = OpenApiParameter(
    "Retry-After", int, OpenApiParameter.HEADER, response=[200], description="seconds; only while it is open"
)


class _AnalysisView(Strict, generics.GenericAPIView[Analysis]):
    serializer_class = AnalysisSerializer

    def get_queryset(self) -> QuerySet[Analysis]:
        related = ("study__clinic", "study__representative", "image", "requested_by", "ensemble_prediction")
        return readable(self.request).select_related(*related).prefetch_related("predictions")


class OneAnalysis(_AnalysisView):
    """One analysis: its state and, once it has succeeded, what each classifier said."""

    @extend_schema(
        summary="Read an analysis", parameters=[RETRY_AFTER], responses={200: AnalysisSerializer, **problems(404)}
    )
    def get(self, request: Request, pk: str) -> Response:
        """Ask again after Retry-After seconds until that header is gone."""
        analysis = self.get_object()
        waiting = {} if analysis.is_finished else {"Retry-After": str(POLL_SECONDS)}
        return Response(self.get_serializer(analysis).data, headers={"Cache-Control": "no-store", **waiting})


class Cancel(_AnalysisView):
    """Stop an analysis."""

    @extend_schema(
        summary="Cancel an analysis", request=None, responses={200: AnalysisSerializer, **problems(403, 404, 409, 422)}
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Cancel an analysis that has not finished; a worker in the middle of it drops its result."""
        cancel_analysis(by=person(request), analysis=self.get_object())
        return Response(self.get_serializer(self.get_object()).data)


class AnalysisImages(Strict, generics.GenericAPIView[ImageResult]):
    """What an analysis says of each of its images."""

    serializer_class = ImageResultSerializer
    pagination_class = Pages

    @extend_schema(
        summary="List an analysis's results by image",
        responses={200: ImageResultSerializer(many=True), **problems(403, 404)},
    )
    def get(self, request: Request, pk: str) -> Response:
        """One result for each image that the analysis saw, by series and instance number."""
        assert isinstance(self.paginator, Pages)
        analysis = get_object_or_404(readable(request), pk=pk)
        note_row(analysis)
        if blinding.hides_result(person(request), analysis.study_id):
            raise PermissionDenied(gettext(blinding.RESULT_HIDDEN))
        page = self.paginator.paginate_list(_in_order(analysis), request, key=str)
        found = analysis.image_results.in_bulk(page)
        return self.get_paginated_response(self.get_serializer([found[key] for key in page], many=True).data)


def _in_order(analysis: Analysis) -> list[UUID]:
    """The keys of its images' results."""
    by_place = analysis.image_results.order_by("image__series", "image__instance_number", "image__uploaded_at", "pk")
    return list(by_place.values_list("pk", flat=True))


class Attention(Strict, generics.GenericAPIView[Prediction]):
    """Where a classifier looked, as a PNG in the frame of the whole image. Not where disease is."""

    def get_queryset(self) -> QuerySet[Prediction]:
        found = Prediction.objects.filter(analysis__in=readable(self.request).values("pk"))
        return visible(found, self.request).select_related("analysis__study")

    @extend_schema(
        summary="Fetch an attention map",
        responses={(200, "image/png"): OpenApiTypes.BINARY, **problems(403, 404)},
    )
    def get(self, request: Request, pk: str) -> HttpResponse:
        prediction = self.get_object()
        note_event(Event.INSTANCES_ACCESSED)
        if blinding.hides_result(person(request), prediction.analysis.study_id):
            raise PermissionDenied(gettext(blinding.RESULT_HIDDEN))
        with stored_file(prediction.pk), prediction.attention.open("rb") as file:
            return HttpResponse(file.read(), content_type="image/png", headers=PRIVATE)
