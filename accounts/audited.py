"""Changes of rights, told to the audit trail by whichever door they are made: a page, the administration, a command."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from allauth.account.signals import password_changed, password_reset
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed, authenticator_reset
from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.models import ApiToken, Membership, User
from accounts.second_factor import was_reset
from audit.notes import current, note_detail, note_event, note_object
from audit.record import record
from audit.vocabulary import Action, Event, Outcome

# Of an account: what gives or takes rights. The rest of it (the last sign-in, a language) changes none.
RIGHTS = frozenset({"is_active", "is_staff", "is_superuser", "email", "password"})


@receiver(post_save, sender=Membership)
def _membership_saved(instance: Membership, created: bool, **_: Any) -> None:
    state = f"{instance.role}, {'active' if instance.is_active else 'ended'}"
    told = {"role": state, "member": str(instance.user_id), "clinic": str(instance.clinic_id)}
    _tell("accounts.membership", instance.pk, _saved(created), told)


@receiver(post_save, sender=User)
def _account_saved(instance: User, created: bool, update_fields: Collection[str] | None, **_: Any) -> None:
    if update_fields is not None and not RIGHTS.intersection(update_fields):
        return
    flags = [name for name in ("is_active", "is_staff", "is_superuser") if getattr(instance, name)]
    _tell("accounts.user", instance.pk, _saved(created), {"account": ", ".join(flags)})


@receiver(post_save, sender=ApiToken)
def _token_saved(instance: ApiToken, created: bool, **_: Any) -> None:
    _tell("accounts.apitoken", instance.pk, _saved(created), {"membership": str(instance.membership_id)})


@receiver(password_changed)
@receiver(password_reset)
def _password_set(user: User, **_: Any) -> None:
    """The person who forgot the password is not signed in, and is known all the same."""
    if (notes := current()) is not None:
        notes.person = user.pk
    note_event(Event.RIGHTS, Action.UPDATE)
    note_object("accounts.user", user.pk)


@receiver(authenticator_added)
@receiver(authenticator_reset)
def _factor_added(authenticator: Authenticator, **_: Any) -> None:
    _tell_of_factor(authenticator, Action.CREATE)


@receiver(authenticator_removed)
def _factor_removed(authenticator: Authenticator, **_: Any) -> None:
    _tell_of_factor(authenticator, Action.DELETE)


@receiver(authentication_failed)
def _wrong_code(user: User, authenticator: Authenticator, **_: Any) -> None:
    """The password was right; whoever typed the code is not signed in."""
    if (notes := current()) is not None:
        notes.person, notes.outcome = user.pk, Outcome.MINOR
    note_event(Event.LOGIN, Action.EXECUTE)
    note_detail(second_factor=str(authenticator.type))


@receiver(was_reset)
def _factor_reset(user: User, factors: list[str], **_: Any) -> None:
    _tell("accounts.user", user.pk, Action.UPDATE, {"second_factor": "reset", "removed": ", ".join(factors)})


def _tell_of_factor(authenticator: Authenticator, action: Action) -> None:
    """The kind of each that one request touches: the first factor brings the recovery codes along."""
    notes = current()
    so_far = [notes.detail["second_factor"]] if notes and "second_factor" in notes.detail else []
    told = {"second_factor": ", ".join([*so_far, str(authenticator.type)])}
    _tell("accounts.user", authenticator.user_id, action, told)


def _saved(created: bool) -> Action:
    return Action.CREATE if created else Action.UPDATE


def _tell(kind: str, key: object, action: Action, told: dict[str, str]) -> None:
    if current() is None:
        record(Event.RIGHTS, action, object_type=kind, object_id=str(key), detail=told)
        return
    note_event(Event.RIGHTS, action)
    note_object(kind, key)
    note_detail(**told)
