from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission, require
from diagnosis.api.filters import ReviewFilter, StrictFilters
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import clinic_of, person, reviews, visible
from diagnosis.api.serializers.review import ReviewSerializer
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from diagnosis.models import Review


class _ReviewView(Strict, generics.GenericAPIView[Review]):
    serializer_class = ReviewSerializer

    def get_queryset(self) -> QuerySet[Review]:
        if getattr(self, "swagger_fake_view", False):  # the schema is drawn for nobody
            return Review.objects.none()
        return reviews(self.request).select_related("study", "reader")


class Reviews(_ReviewView, generics.ListAPIView[Review]):
    """The readings of your clinic, newest first."""

    pagination_class = Pages
    order = ("-waiting_since", "-id")
    filter_backends = [StrictFilters]
    filterset_class = ReviewFilter

    @extend_schema(summary="List readings", responses={200: ReviewSerializer(many=True), **problems(403)})
    def get(self, request: Request) -> Response:
        """The ones that began to wait last first. For people who read; what others wrote is hidden as on the pages."""
        require(person(request), Permission.REVIEW_SCAN, clinic_of(request))
        return self.list(request)


class OneReview(_ReviewView, generics.RetrieveAPIView[Review]):
    """One reading."""

    @extend_schema(summary="Read a reading", responses={200: ReviewSerializer, **problems(403, 404)})
    def get(self, request: Request, pk: str) -> Response:
        """One reading: where it stands, who holds it, and once it is decided what was decided."""
        review = get_object_or_404(visible(Review.objects.all(), request), pk=pk)
        require(person(request), Permission.REVIEW_SCAN, review.clinic)
        return self.retrieve(request)
