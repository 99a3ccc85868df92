from __future__ import annotations

from uuid import UUID

from django_filters import FilterSet
from django_filters.rest_framework import CharFilter, ChoiceFilter, UUIDFilter

from diagnosis.rules.confidentiality import records
from orders.models.order import OrderQuerySet
from orders.states import OrderStatus


class OrderFilter(FilterSet):
    accession_number = CharFilter(help_text="exactly this number")
    patient = UUIDFilter(method="of_patient", help_text="also orders of records that were merged into this one")
    status = ChoiceFilter(choices=OrderStatus.choices)

    def of_patient(self, orders: OrderQuerySet, name: str, patient: UUID) -> OrderQuerySet:
        return orders.filter(patient__in=list(records(patient)))
