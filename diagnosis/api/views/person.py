from __future__ import annotations

from django.db.models import QuerySet
from django.db.models.functions import Lower
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Membership
from accounts.permissions import Permission, require
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import clinic_of, people, person
from diagnosis.api.serializers.person import PersonSerializer
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems


class _PersonView(Strict, generics.GenericAPIView[Membership]):
    serializer_class = PersonSerializer

    def get_queryset(self) -> QuerySet[Membership]:
        if getattr(self, "swagger_fake_view", False):  # the schema is drawn for nobody
            return Membership.objects.none()
        return people(self.request).select_related("user").annotate(name=Lower("user__full_name"))


class People(_PersonView, generics.ListAPIView[Membership]):
    """The people of your clinic, by name."""

    pagination_class = Pages
    order = ("name", "id")

    @extend_schema(
        summary="List the people of your clinic", responses={200: PersonSerializer(many=True), **problems(403)}
    )
    def get(self, request: Request) -> Response:
        """By name, those who were invited or work there no longer too. For those who manage the clinic's staff."""
        require(person(request), Permission.MANAGE_STAFF, clinic_of(request))
        return self.list(request)


class OnePerson(_PersonView, generics.RetrieveAPIView[Membership]):
    """One person of your clinic."""

    @extend_schema(summary="Read a person's role and state", responses={200: PersonSerializer, **problems(403, 404)})
    def get(self, request: Request, pk: int) -> Response:
        """One person of your clinic, for those who manage its staff."""
        require(person(request), Permission.MANAGE_STAFF, clinic_of(request))
        return self.retrieve(request)
