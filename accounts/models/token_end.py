"""An API token ends for good when the password, the role or the account that it stands for does."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver

from accounts.models.api_token import ApiToken
from accounts.models.membership import Membership
from accounts.models.user import User


@receiver(pre_save, sender=User)
def notice_a_password_that_goes(instance: User, update_fields: Collection[str] | None, **_: Any) -> None:
    """The row still says what held until now. Whoever never had a password loses none by saving a language."""
    touched = update_fields is None or "password" in update_fields
    lost = touched and not instance.has_usable_password() and not instance._state.adding
    had_one = User.objects.filter(pk=instance.pk).exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    instance._state.lost_password = lost and had_one.exists()  # type: ignore[attr-defined]


@receiver(post_save, sender=User)
def end_tokens_of_user(instance: User, **_: Any) -> None:
    """Django keeps a new password in `_password` until the row is written; a re-hash at sign-in leaves it empty.
    The administration may take the password away, which leaves it empty too.
    """
    changed = getattr(instance, "_password", None) is not None or getattr(instance._state, "lost_password", False)
    if changed or not instance.is_active:
        ApiToken.objects.visible_to(instance).revoke()


@receiver(pre_save, sender=Membership)
def end_tokens_of_membership(instance: Membership, **_: Any) -> None:
    """The row still says what held until now."""
    same = {name: getattr(instance, name) for name in ("pk", "role", "user_id", "clinic_id")}
    unchanged = Membership.objects.filter(**same)
    if instance.is_active and unchanged.exists():
        return
    ApiToken.objects.filter(membership_id=instance.pk).revoke()
