from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis.models import ReadingPolicy
from diagnosis.reviews import queue


@transaction.atomic
def change_policy(*, by: User, policy: ReadingPolicy) -> int:
    """Keep how a clinic reads, and give every open case its place by the new weights; returns how many there were."""
    require(by, Permission.MANAGE_CLINIC, policy.clinic)
    policy.full_clean()
    policy.save()
    return queue.reprioritise(policy)
