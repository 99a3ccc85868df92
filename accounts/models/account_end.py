"""What else ends with a password or an account: the link of an invitation, and sessions."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.models.invitation import Invitation
from accounts.models.open_session import OpenSession
from accounts.models.user import User


@receiver(post_save, sender=User)
def end_with_password_or_account(instance: User, **_: Any) -> None:
    """A closed account's sessions would come back to life with it. Those of an older password are dead by themselves:
    they are only no longer listed, and the one that changed it lives on under a new key.
    """
    if not instance.is_active:
        OpenSession.objects.of(instance).end()
    elif getattr(instance, "_password", None) is None:
        return
    OpenSession.objects.of(instance).delete()
    Invitation.objects.filter(user=instance).delete()
