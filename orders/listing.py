"""The orders of a clinic as its people follow them: what waits, what is late, and what cannot be right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from diagnosis.models import Patient, Study
from orders.matching import with_number
from orders.models import Answer, MergeProposal, Order, OrderPolicy, ReceivedMessage
from orders.models.order import OrderQuerySet
from orders.states import OrderStatus

OPEN, OVERDUE, CONTRADICTED, ALL = "open", "overdue", "contradicted", "all"
CHOICES = [
    (OPEN, _("Without images")),
    (OVERDUE, _("Overdue")),
    (CONTRADICTED, _("Contradicted by images")),
    *((state.value, state.label) for state in OrderStatus if state.value not in ("ordered", "scheduled")),
    (ALL, _("All")),
]
REFUSED_FOR, REFUSED_SHOWN = timedelta(days=7), 20
LATEST_FIRST = {*(state.value for state in OrderStatus), ALL}


@dataclass(frozen=True)
class Row:
    """One order of the list. `late`: by how many hours, 0 where it is not overdue.

    `doubted`: images contradict it; `against`: those of them that the person may see.
    """

    order: Order
    late: int = 0
    doubted: bool = False
    against: tuple[Study, ...] = ()


def limit(clinic: Clinic) -> datetime:
    """What was expected before then is overdue."""
    return timezone.now() - timedelta(hours=OrderPolicy.of(clinic).overdue_hours)


def orders(clinic: Clinic, chosen: str, sought: str = "", *, by: User) -> QuerySet[Order]:
    """Those that `by` may see; the longest waiting first, of what has ended the latest."""
    found = _chosen(Order.objects.in_clinic(clinic).visible_to(by), chosen, clinic)
    if sought:
        patients = Patient.objects.in_clinic(clinic).search(sought)
        number = Q(accession_number__iexact=sought) | Q(placer_number__iexact=sought) | Q(filler_number__iexact=sought)
        found = found.filter(number | Q(patient__in=patients.order_by().values("pk")))
    order = ("-expected_at", "-pk") if chosen in LATEST_FIRST else ("expected_at", "pk")
    return found.select_related("patient__merged_into", "source", "study").order_by(*order)


def _chosen(found: OrderQuerySet, chosen: str, clinic: Clinic) -> OrderQuerySet:
    if chosen == OVERDUE:
        return found.overdue(limit(clinic))
    if chosen == CONTRADICTED:
        return found.contradicted()
    if chosen in OrderStatus.values:
        return found.filter(status=chosen)
    return found if chosen == ALL else found.open()


def rows(found: Iterable[Order], clinic: Clinic, *, by: User) -> list[Row]:
    before, now = limit(clinic), timezone.now()
    kept = list(found)
    doubted = set(Order.objects.filter(pk__in=[one.pk for one in kept]).contradicted().values_list("pk", flat=True))
    return [_row(order, before, now, doubted, by=by) for order in kept]


def _row(order: Order, before: datetime, now: datetime, doubted: set[UUID], *, by: User) -> Row:
    is_late = order.is_open and order.expected_at < before
    late = int((now - order.expected_at).total_seconds() // 3600) if is_late else 0
    is_doubted = order.pk in doubted
    return Row(order, late, is_doubted, contradicting(order, by=by) if is_doubted else ())


def contradicting(order: Order, *, by: User) -> tuple[Study, ...]:
    """The studies with its number that cannot answer it, as far as `by` may see them."""
    found = with_number(order).visible_to(by).select_related("patient")
    if order.is_open:
        found = found.exclude(patient=order.patient.in_use)
    return tuple(found.order_by("received_at")[:5])


@dataclass(frozen=True)
class RefusedMessages:
    """The latest ones; of how many, and of how many of those nobody can say any more what they said."""

    latest: tuple[ReceivedMessage, ...]
    count: int
    without_text: int


def refused(clinic: Clinic) -> RefusedMessages:
    """Messages of its ordering systems that could not be used, of the last days; they name nobody."""
    since = timezone.now() - REFUSED_FOR
    found = ReceivedMessage.objects.in_clinic(clinic).exclude(answer=Answer.ACCEPTED).filter(received_at__gte=since)
    latest = tuple(found.select_related("source")[:REFUSED_SHOWN])
    return RefusedMessages(latest, found.count(), found.filter(body=None).count())


def proposals(clinic: Clinic, *, by: User) -> list[MergeProposal]:
    """Records that another system has merged, and nobody here yet."""
    waiting = MergeProposal.objects.waiting().in_clinic(clinic).visible_to(by).filter(gone__merged_into=None)
    return list(waiting.select_related("gone", "kept", "source")[:REFUSED_SHOWN])


def count_overdue(clinic: Clinic, *, by: User) -> int | None:
    """None where the clinic has had no order yet, and needs no sign that none is late."""
    seen = Order.objects.in_clinic(clinic).visible_to(by)
    if late := seen.overdue(limit(clinic)).count():
        return late
    return 0 if seen.exists() else None
