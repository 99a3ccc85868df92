"""Tells others of critical results that nobody acknowledged in time."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from diagnosis.models import CriticalResult
from diagnosis.models.notification import NotificationKind
from diagnosis.notifications import notify
from diagnosis.rules import critical_results as rules

AT_ONCE = 200


def escalate_overdue() -> int:
    """Tell the clinic's administrators and whoever was named for it, once for each. Returns how many were escalated."""
    overdue = CriticalResult.objects.to_escalate().select_related("clinic", "study", "escalate_to", "recipient")
    return sum(_escalate(one) for one in overdue.order_by("due_at")[:AT_ONCE])


@transaction.atomic
def _escalate(one: CriticalResult) -> bool:
    # Whoever acknowledges it at this moment, or another worker that escalates it, makes this UPDATE find nothing.
    still = CriticalResult.objects.to_escalate().filter(pk=one.pk)
    if not still.update(escalated_at=timezone.now()):
        return False
    people = {*rules.administrators(one.clinic), *([one.escalate_to] if one.escalate_to else [])}
    for person in people - {one.recipient}:
        notify(person, one.study, NotificationKind.OVERDUE)
    if one.recipient:
        notify(one.recipient, one.study, NotificationKind.OVERDUE)
    return True
