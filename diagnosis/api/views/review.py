from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission, require
from diagnosis.api.filters import ReviewFilter, StrictFilters
from diagnosis.api.scope import clinic_of, person, reviews, visible
from diagnosis.api.serializers.review import ReviewSerializer
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from diagnosis.api.withholding import WithholdingPages
from diagnosis.models import Report, Review
from diagnosis.rules import corrections
from diagnosis.rules.confidentiality import require_open_report


class _ReviewView(Strict, generics.GenericAPIView[Review]):
    serializer_class = ReviewSerializer

    def get_queryset(self) -> QuerySet[Review]:
        if getattr(self, "swagger_fake_view", False):  # the schema is drawn for nobody
            return Review.objects.none()
        return reviews(self.request).select_related("study", "reader", "report__study__patient")

    def get_object(self) -> Review:
        """Raises ConfidentialRecord and NotAllowedNow where its report is refused so: both say the same words."""
        review: Any = super().get_object()
        if report := _shown_report(review):
            require_open_report(person(self.request), report)
            corrections.require_of_its_patient(report)
        found: Review = review
        return found


def _shown_report(review: Any) -> Report | None:
    """The report that it settled; None where there is none, or the person must not know what was read."""
    report: Report | None = None if review.reading_hidden else getattr(review, "report", None)
    return report


class Reviews(_ReviewView, generics.ListAPIView[Review]):
    """The readings of your clinic, newest first."""

    pagination_class = WithholdingPages
    order = ("-waiting_since", "-id")
    filter_backends = [StrictFilters]
    filterset_class = ReviewFilter

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        """Without those that `get_object` refuses."""
        page: list[Review] | None = super().paginate_queryset(queryset)
        assert isinstance(self.paginator, WithholdingPages)
        return self.paginator.given(person(self.request), page or [], _shown_report)

    @extend_schema(summary="List readings", responses={200: ReviewSerializer(many=True), **problems(403)})
    def get(self, request: Request) -> Response:
        """The ones that began to wait last first. For people who read; what others wrote is hidden as on the pages.

        A reading whose report was signed for one patient, and whose images were given to another since, is not in
        `results`: `withheld` names it, and a person has to look at its page.
        """
        require(person(request), Permission.REVIEW_SCAN, clinic_of(request))
        return self.list(request)


class OneReview(_ReviewView, generics.RetrieveAPIView[Review]):
    """One reading."""

    @extend_schema(summary="Read a reading", responses={200: ReviewSerializer, **problems(403, 404, 409)})
    def get(self, request: Request, pk: str) -> Response:
        """One reading: where it stands, who holds it, and once it is decided what was decided.

        Refused where its report was signed for another patient than it stands with now.
        """
        review = get_object_or_404(visible(Review.objects.all(), request), pk=pk)
        require(person(request), Permission.REVIEW_SCAN, review.clinic)
        return self.retrieve(request)
