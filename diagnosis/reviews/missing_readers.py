"""Tells administrators of confidential records whose examinations nobody who is named can read.

A closed record must not make a result that is never read: whoever may name a reader hears of it until there is one.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from diagnosis.models import Notification, Patient
from diagnosis.models.notification import NotificationKind
from diagnosis.notifications import notify_keepers
from diagnosis.reviews.second_looks import give_back_unseen
from diagnosis.rules import confidentiality as rules

# An administrator who has read the notice, and named nobody, is told again.
AGAIN_AFTER = timedelta(hours=24)


def tell_of_missing_reader(patient: Patient) -> bool:
    """Once a day, while it lasts, and of what came after the last notice at once. Returns whether anybody was told."""
    lacking = rules.lacking(patient)
    since = max([timezone.now() - AGAIN_AFTER, *lacking])
    told = Notification.objects.filter(record=patient, kind=NotificationKind.UNREAD, created_at__gt=since)
    if not lacking or told.exists():
        return False
    notify_keepers(patient, NotificationKind.UNREAD)
    return True


def tell_of_missing_readers() -> int:
    """Of every confidential record. Returns of how many anybody was told.

    Second looks of those whose emergency access ended by itself go back too.
    """
    give_back_unseen(rules.kept().values_list("pk", flat=True))
    return sum(tell_of_missing_reader(one) for one in rules.waiting(rules.kept()).select_related("clinic"))
