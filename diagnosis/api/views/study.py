from __future__ import annotations

from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from diagnosis.api.filters import StrictFilters, StudyFilter
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import hides_reading, readable, shown_reports, visible
from diagnosis.api.serializers.study import OneSeriesSerializer, OneStudySerializer, StudySerializer
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from diagnosis.models import Review, Scan, Series, Study
from diagnosis.models.analysis import AnalysisQuerySet
from diagnosis.models.study import StudyQuerySet
from diagnosis.states import ReviewStatus

IN_ORDER = ("number", "series_instance_uid", "id")


def with_links(request: Request) -> StudyQuerySet:
    """The studies that the person may see, counted, with their analyses and the reports that they may see."""
    return _with(request, readable(request).select_related("ensemble_prediction").prefetch_related("predictions"))


def with_analyses(request: Request) -> StudyQuerySet:
    """The same with all that an analysis's own page tells."""
    related = ("study__representative", "image", "requested_by", "ensemble_prediction")
    return _with(request, readable(request).select_related(*related).prefetch_related("predictions"))


def _with(request: Request, analyses: AnalysisQuerySet) -> StudyQuerySet:
    studies = visible(Study.objects.all(), request).select_related("patient", "received_from", "clinic__reading_policy")
    silent = Scan.objects.exclude(not_classified_code="")
    held = Review.objects.filter(study=OuterRef("pk"), status=ReviewStatus.CLAIMED)
    studies = studies.annotate(reading_hidden=hides_reading(request, "pk"), being_read=Exists(held))
    counted = studies.annotate(image_count=Scan.objects.count_in("pk"), not_classified_count=silent.count_in("pk"))
    analysed = counted.prefetch_related(Prefetch("analyses", analyses))
    return analysed.prefetch_related(Prefetch("reports", shown_reports(request).select_related("review__reader")))


class _StudyView(Strict, generics.GenericAPIView[Study]):
    def get_queryset(self) -> QuerySet[Study]:
        if getattr(self, "swagger_fake_view", False):  # the schema is drawn for nobody
            return Study.objects.none()
        return with_links(self.request)


class Studies(_StudyView, generics.ListAPIView[Study]):
    """The studies of your clinic, newest first."""

    serializer_class = StudySerializer
    pagination_class = Pages
    order = ("-received_at", "-id")
    filter_backends = [StrictFilters]
    filterset_class = StudyFilter

    def get_queryset(self) -> QuerySet[Study]:
        # Without those whose images were all moved to another study.
        return super().get_queryset().filter(emptied_of=None)

    @extend_schema(summary="List or find studies", responses={200: StudySerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """The ones that came last first, each with its newest analysis and report."""
        return self.list(request)


class OneStudy(_StudyView, generics.RetrieveAPIView[Study]):
    """One study with its series."""

    serializer_class = OneStudySerializer

    def get_queryset(self) -> QuerySet[Study]:
        return super().get_queryset().prefetch_related(Prefetch("series", _counted(Series.objects.all())))

    @extend_schema(summary="Read a study", responses={200: OneStudySerializer, **problems(404)})
    def get(self, request: Request, pk: str) -> Response:
        """One study with its critical results, and its series, each with the address of its images."""
        return self.retrieve(request)


class OneSeries(Strict, generics.RetrieveAPIView[Series]):
    """One series with its images."""

    serializer_class = OneSeriesSerializer

    def get_queryset(self) -> QuerySet[Series]:
        images = Scan.objects.order_by("instance_number", "uploaded_at", "id")
        series: Any = visible(Series.objects.all(), self.request)
        return _counted(series).prefetch_related(Prefetch("images", images))

    @extend_schema(summary="Read a series", responses={200: OneSeriesSerializer, **problems(404)})
    def get(self, request: Request, pk: str) -> Response:
        """One series with its images, by instance number."""
        return self.retrieve(request)


def _counted(series: QuerySet[Series]) -> QuerySet[Series]:
    standing = Count("images", filter=Q(images__withdrawal=None))
    return series.annotate(image_count=standing).order_by(*IN_ORDER)
