"""An ordering system, and what it orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Clinic
from diagnosis.models import Patient
from orders.actions import receive_order
from orders.models import Order, OrderSource


@pytest.fixture
def source(clinic: Clinic) -> OrderSource:
    return OrderSource.objects.create(clinic=clinic, name="RIS", networks="127.0.0.0/8", assigning_authority="NORTH")


@pytest.fixture
def order(source: OrderSource, patient: Patient) -> Callable[..., Order]:
    """`order(accession_number="A1")`: another order of `source` for `patient`."""

    def make(of: Patient = patient, **words: Any) -> Order:
        words.setdefault("requested_at", timezone.now())
        return receive_order(source=source, patient=of, **words)

    return make
