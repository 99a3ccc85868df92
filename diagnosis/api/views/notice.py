from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from diagnosis.api.filters import NoticeFilter, StrictFilters
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import notices
from diagnosis.api.serializers.notice import NoticeSerializer
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from diagnosis.models import Notification


class _NoticeView(Strict, generics.GenericAPIView[Notification]):
    serializer_class = NoticeSerializer

    def get_queryset(self) -> QuerySet[Notification]:
        if getattr(self, "swagger_fake_view", False):  # the schema is drawn for nobody
            return Notification.objects.none()
        return notices(self.request).select_related("study__clinic", "record__clinic")


class Notices(_NoticeView, generics.ListAPIView[Notification]):
    """Your notices, newest first."""

    pagination_class = Pages
    order = ("-created_at", "-id")
    filter_backends = [StrictFilters]
    filterset_class = NoticeFilter

    @extend_schema(summary="List your notices", responses={200: NoticeSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        """What you are told of, newest first. Reading them here leaves them unread on the pages."""
        return self.list(request)


class OneNotice(_NoticeView, generics.RetrieveAPIView[Notification]):
    """One of your notices."""

    @extend_schema(summary="Read a notice", responses={200: NoticeSerializer, **problems(404)})
    def get(self, request: Request, pk: int) -> Response:
        """One of your notices."""
        return self.retrieve(request)
