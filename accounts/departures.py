"""Somebody works in a clinic no longer: whatever hangs on that learns of it here."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import Signal, receiver

from accounts.models import Membership

# Sent with `membership`, inside the transaction that ended it; once more where it is saved again.
membership_ended = Signal()


@receiver(post_save, sender=Membership)
def tell_where_it_ended(instance: Membership, **_kwargs: Any) -> None:
    """An UPDATE sends no signal of its own, so whoever ends a membership by one calls this."""
    if not instance.is_active:
        membership_ended.send(Membership, membership=instance)
