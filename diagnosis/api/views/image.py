from __future__ import annotations

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from diagnosis.api.filters import ImageFilter, StrictFilters
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import hides_result, readable_results, visible
from diagnosis.api.serializers.image import ImageSerializer
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from diagnosis.models import Scan


class _ImageView(Strict, generics.GenericAPIView[Scan]):
    serializer_class = ImageSerializer

    def get_queryset(self) -> QuerySet[Scan]:
        if getattr(self, "swagger_fake_view", False):  # the schema is drawn for nobody
            return Scan.objects.none()
        images = visible(Scan.objects.all(), self.request).select_related("series", "uploaded_by")
        newest = readable_results(self.request).order_by("-analysis__number", "-analysis__requested_at")
        return images.annotate(result_hidden=hides_result(self.request, "series__study")).prefetch_related(
            Prefetch("results", newest, to_attr="shown_results")
        )


class Images(_ImageView, generics.ListAPIView[Scan]):
    """The images of your clinic, newest first."""

    pagination_class = Pages
    order = ("-uploaded_at", "-id")
    filter_backends = [StrictFilters]
    filterset_class = ImageFilter

    @extend_schema(summary="List images", responses={200: ImageSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """The ones that came last first, each with what the newest analysis says of it."""
        return self.list(request)


class OneImage(_ImageView, generics.RetrieveAPIView[Scan]):
    """One image."""

    @extend_schema(summary="Read an image", responses={200: ImageSerializer, **problems(404)})
    def get(self, request: Request, pk: str) -> Response:
        """One image, with what the newest analysis that saw it says of it."""
        return self.retrieve(request)
