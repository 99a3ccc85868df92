"""What an ordering system or a person does with an order. Each change is one conditional UPDATE."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.actors import actor_label
from accounts.models import User
from accounts.permissions import Permission, require
from audit.notes import note_detail
from diagnosis.errors import NotAllowedNow
from diagnosis.messages import Message
from diagnosis.models import Correction, Patient
from diagnosis.rules.corrections import require_current
from orders import following
from orders.models import MergeProposal, Order, OrderSource
from orders.models.proposal import ProposalStatus
from orders.states import OPEN, OrderStatus

OTHER_CLINIC = _("This patient is of another clinic.")
NOT_OPEN = _("This order has its images or was cancelled, so it is not changed any more.")
NOT_WAITING = _("Somebody has decided this proposal meanwhile. Look at the list again.")
REASON_NEEDED = _("Say why the two records are not merged.")
OTHER_PATIENT = _(
    "The order is another patient’s. An order does not change its patient; cancel it and place a new one."
)


@transaction.atomic
def receive_order(*, source: OrderSource, patient: Patient, requested_at: datetime, **words: Any) -> Order:
    """Keep what `source` orders for `patient`, with a time or without; images that are here already are its own now.

    `words`: the order's own fields. Asks for no permission: `source` may order for its clinic, and for no other.
    """
    if patient.clinic_id != source.clinic_id:
        raise NotAllowedNow("other_clinic", OTHER_CLINIC)
    require_current(patient)
    order = Order(
        clinic=source.clinic,
        patient=patient,
        source=source,
        placed_by=source.account,
        requested_at=requested_at,
        **words,
    )
    order.status = OrderStatus.SCHEDULED if order.scheduled_at else OrderStatus.ORDERED
    order.expected_at = order.scheduled_at or requested_at
    order.full_clean()
    order.save(force_insert=True)
    Order.objects.log_transition(order.pk, "", OrderStatus(order.status), by=actor_label(source.account))
    following.follow(order.pk)
    order.refresh_from_db()
    return order


def find_order(source: OrderSource, *, placer_number: str = "", filler_number: str = "") -> Order | None:
    """The order that `source` knows by its placer's number, or by the filler's where it has no other."""
    number = {"placer_number": placer_number} if placer_number else {"filler_number": filler_number}
    orders = Order.objects.filter(source=source, **number)
    return orders.select_related("clinic", "patient__merged_into", "source", "study").first()


def keep_order(
    order: Order | None, *, source: OrderSource, patient: Patient, requested_at: datetime, **words: Any
) -> Order:
    """Place what is not known yet, else take over what is said of it now. What is left open stays as it was."""
    if order is None:
        return receive_order(source=source, patient=patient, requested_at=requested_at, **words)
    said = {name: value for name, value in words.items() if value}
    return change_order(order, by=source.account, patient=patient, **said)


def recall_order(order: Order, *, source: OrderSource, patient: Patient) -> Order:
    """Cancelled by its ordering system; to say so once more changes nothing."""
    if order.patient.in_use != patient:
        raise NotAllowedNow("other_patient", OTHER_PATIENT)
    if order.status != OrderStatus.CANCELLED:
        withdraw_order(order, by=source.account)
        order.refresh_from_db()
    return order


@transaction.atomic
def change_order(order: Order, *, by: User, patient: Patient, **words: Any) -> Order:
    """Take over what the ordering system says now, while there are no images. Words that are the same change nothing.

    Raises NotAllowedNow for an order that has images or was cancelled, and for another patient.
    """
    if order.patient.in_use.pk != patient.pk:
        raise NotAllowedNow("other_patient", OTHER_PATIENT)
    new = {name: value for name, value in words.items() if getattr(order, name) != value}
    if not new:
        return order
    for name, value in new.items():
        setattr(order, name, value)
    order.expected_at = order.scheduled_at or order.requested_at
    order.full_clean()
    held = Order.objects.filter(pk=order.pk, status__in=OPEN)
    if not held.update(expected_at=order.expected_at, changed_at=timezone.now(), **new):
        raise NotAllowedNow("not_open", NOT_OPEN)
    if order.scheduled_at:
        Order.objects.move(order.pk, OrderStatus.ORDERED, OrderStatus.SCHEDULED, by=actor_label(by))
    following.follow(order.pk)
    order.refresh_from_db()
    return order


def cancel_order(order: Order, *, by: User, reason: str) -> None:
    """By a person of the clinic; the reason stays with it. Raises PermissionDenied and NotAllowedNow."""
    require(by, Permission.FOLLOW_ORDER, order.clinic)
    withdraw_order(order, by=by, reason=reason)


def withdraw_order(order: Order, *, by: User, reason: str = "") -> None:
    """The same by its ordering system. One that has images is not cancelled: they were made."""
    note = Message("order_cancelled", {"reason": reason.strip()[:400]}) if reason.strip() else None
    now = timezone.now()
    if not any(
        Order.objects.move(order.pk, state, OrderStatus.CANCELLED, by=actor_label(by), note=note, cancelled_at=now)
        for state in OPEN
    ):
        raise NotAllowedNow("not_open", NOT_OPEN)


def drop_proposal(proposal: MergeProposal, *, by: User, reason: str) -> None:
    """The two records stay as they are, for a reason that stays with the proposal. By whoever could merge them.

    Raises PermissionDenied and NotAllowedNow.
    """
    require(by, Permission.MANAGE_CLINIC, proposal.clinic)
    if not reason.strip():
        raise NotAllowedNow("reason_needed", REASON_NEEDED)
    waiting = MergeProposal.objects.waiting().filter(pk=proposal.pk)
    if not waiting.update(
        status=ProposalStatus.DROPPED, decided_by=by, decided_at=timezone.now(), reason=reason.strip()[:400]
    ):
        raise NotAllowedNow("not_waiting", NOT_WAITING)
    note_detail(proposal="dropped")


def note_merge(made: Correction) -> None:
    """Two records were merged, whichever of the two was to stay: what was proposed of them is decided."""
    both = (made.source_id, made.target_id)
    MergeProposal.objects.waiting().filter(gone__in=both, kept__in=both).update(
        status=ProposalStatus.MERGED, decided_by=made.made_by, decided_at=timezone.now()
    )
