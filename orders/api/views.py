from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Clinic
from accounts.permissions import Permission, require
from diagnosis.api.filters import StrictFilters
from diagnosis.api.pagination import Pages
from diagnosis.api.scope import clinic_of, person, visible
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from orders.api.filters import OrderFilter
from orders.api.serializers import OrderSerializer
from orders.models import Order


class _OrderView(Strict, generics.GenericAPIView[Order]):
    serializer_class = OrderSerializer

    def get_queryset(self) -> QuerySet[Order]:
        if getattr(self, "swagger_fake_view", False):  # the schema is drawn for nobody
            return Order.objects.none()
        clinics = Clinic.objects.where(person(self.request), Permission.FOLLOW_ORDER)
        followed = visible(Order.objects.filter(clinic__in=clinics), self.request)
        return followed.select_related("patient__merged_into", "placed_by")


class Orders(_OrderView, generics.ListAPIView[Order]):
    """The orders of your clinic, those that are expected last first."""

    pagination_class = Pages
    order = ("-expected_at", "-id")
    filter_backends = [StrictFilters]
    filterset_class = OrderFilter

    @extend_schema(summary="List or find orders", responses={200: OrderSerializer(many=True), **problems(403)})
    def get(self, request: Request) -> Response:
        """The ones that are expected last first, cancelled ones too. For people who follow orders."""
        require(person(request), Permission.FOLLOW_ORDER, clinic_of(request))
        return self.list(request)


class OneOrder(_OrderView, generics.RetrieveAPIView[Order]):
    """One order."""

    @extend_schema(summary="Read an order", responses={200: OrderSerializer, **problems(403, 404)})
    def get(self, request: Request, pk: str) -> Response:
        """One order: what was asked for, how far it has come, and the study that answers it."""
        order = get_object_or_404(visible(Order.objects.all(), request), pk=pk)
        require(person(request), Permission.FOLLOW_ORDER, order.clinic)
        return self.retrieve(request)
