"""The second factor of people: who has one, and its reset for somebody who lost theirs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from accounts.letters import write_to
from accounts.models import User

# Of these one is enough to sign in; recovery codes only stand in for one.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
# Arguments: user, by, factors.
was_reset = Signal()


def summary(users: Iterable[User]) -> dict[UUID, datetime]:
    """Of those of `users` who have a second factor: since when. One query."""
    found = Authenticator.objects.filter(user__in=list(users), type__in=FACTORS).order_by("-created_at")
    return dict(found.values_list("user_id", "created_at"))


def has_one(user: User) -> bool:
    return bool(summary([user]))


def takes_codes(user: User) -> bool:
    """Whether `user` has an authenticator app; a passkey shows none."""
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()


def must_have(user: User) -> bool:
    """As the administration or any clinic decides in which `user` works."""
    if user.is_staff and settings.SECOND_FACTOR_FOR_ADMINISTRATION:
        return True
    held = user.memberships.active().values_list("role", "clinic__second_factor_roles")
    return any(role in roles for role, roles in held)


@transaction.atomic
def reset(user: User, *, by: User) -> bool:
    """Remove every factor of `user`, end their sessions and write to them. False where there was none.

    Whether `by` may do it is asked by whoever calls.
    """
    kept = Authenticator.objects.filter(user=user)
    factors = sorted(kept.values_list("type", flat=True))
    if not factors:
        return False
    kept.delete()
    end_sessions(user)
    was_reset.send(sender=User, user=user, by=by, factors=factors)
    transaction.on_commit(partial(write_to, user, "second_factor_reset", by=by))
    return True


def end_sessions(user: User) -> int:
    """Sign `user` out everywhere; returns of how many sessions. They have no column for the person."""
    alive = Session.objects.filter(expire_date__gt=timezone.now()).iterator()
    own = [session.pk for session in alive if session.get_decoded().get(SESSION_KEY) == str(user.pk)]
    return Session.objects.filter(pk__in=own).delete()[0]
