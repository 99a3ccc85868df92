"""Tells others of critical results that nobody acknowledged in time."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from diagnosis.models import CriticalResult
from diagnosis.models.confidentiality import seeing
from diagnosis.models.notification import NotificationKind
from diagnosis.notifications import notify, notify_of_record
from diagnosis.rules import critical_results as rules

AT_ONCE = 200


def escalate_overdue() -> int:
    """Tell the clinic's administrators and whoever was named for it, once for each. Returns how many were escalated."""
    overdue = CriticalResult.objects.to_escalate().select_related(
        "clinic", "study__patient", "escalate_to", "recipient"
    )
    return sum(_escalate(one) for one in overdue.order_by("due_at")[:AT_ONCE])


@transaction.atomic
def _escalate(one: CriticalResult) -> bool:
    # Whoever acknowledges it at this moment, or another worker that escalates it, makes this UPDATE find nothing.
    still = CriticalResult.objects.to_escalate().filter(pk=one.pk)
    if not still.update(escalated_at=timezone.now()):
        return False
    people = {*rules.administrators(one.clinic), *([one.escalate_to] if one.escalate_to else [])}
    told = people | ({one.recipient} if one.recipient else set())
    seen = set(seeing(User.objects.filter(pk__in=[person.pk for person in told]), one.study.patient_id))
    for person in seen:
        notify(person, one.study, NotificationKind.OVERDUE)
    # They name somebody for the confidential record, or open it: it must not wait unheard.
    blind = people.intersection(rules.administrators(one.clinic)) - seen
    notify_of_record(blind, one.study.patient, NotificationKind.OVERDUE)
    return True
