from __future__ import annotations

from django.db import transaction

from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from audit.notes import note_detail
from diagnosis.models import ReadingPolicy
from diagnosis.reviews import queue


@transaction.atomic
def change_policy(*, by: User, policy: ReadingPolicy) -> int:
    """Keep how a clinic reads, and give every open case its place by the new weights; returns how many there were.

    From where it asks for an acceptance on, no worker keeps a result that was under way: see `hold_decisions`.
    """
    require(by, Permission.MANAGE_CLINIC, policy.clinic)
    policy.full_clean()
    list(Clinic.objects.filter(pk=policy.clinic_id).select_for_update(no_key=True).values_list("pk"))
    before = ReadingPolicy.of(policy.clinic).requires_acceptance
    if before != policy.requires_acceptance:
        note_detail(requires_acceptance=f"{before} → {policy.requires_acceptance}")
    policy.save()
    return queue.reprioritise(policy)
