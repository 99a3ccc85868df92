"""Changes of rights, told to the audit trail by whichever door they are made: a page, the administration, a command."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
    authenticator_used,
)
from django.db.models import Model
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver

from accounts.models import ApiToken, Clinic, Membership, ProviderLink, User
from accounts.second_factor import was_reset
from audit.notes import current, note_detail, note_event, note_object
from audit.record import tell_rights
from audit.vocabulary import Action, Event, Outcome

# Of an account: what gives or takes rights. The rest of it (the last sign-in, a language) changes none.
RIGHTS = frozenset({"is_active", "is_staff", "is_superuser", "email", "password"})
FLAGS = ("is_active", "is_staff", "is_superuser")


def tell_membership(
    membership: Membership, *, was: str = "", created: bool = False, further: Mapping[str, str] | None = None
) -> None:
    """What a membership was (as `state_of` says it; empty where there was none) and is now."""
    told = {"role": _from_to(was, state_of(membership)), **_whose(membership), **(further or {})}
    tell_rights("accounts.membership", membership.pk, Action.CREATE if created else Action.UPDATE, told)


def tell_of_member(membership: Membership, action: Action, **told: str) -> None:
    """Something that a clinic did with one of its people, and that leaves the membership as it is."""
    tell_rights("accounts.membership", membership.pk, action, told | _whose(membership))


def state_of(membership: Membership) -> str:
    return f"{membership.role}, {'active' if membership.is_active else 'ended'}"


def _whose(membership: Membership) -> dict[str, str]:
    return {"member": str(membership.user_id), "clinic": str(membership.clinic_id)}


def _from_to(was: str, now: str) -> str:
    return f"{was} → {now}" if was and was != now else now


@receiver(pre_save, sender=Membership)
@receiver(pre_save, sender=User)
def _about_to_be_saved(instance: Any, update_fields: Collection[str] | None, **_: Any) -> None:
    """Keep what the row says until now for the entry that is made of it."""
    if instance._state.adding or (update_fields is not None and not RIGHTS.intersection(update_fields)):
        return
    row = type(instance)._base_manager.filter(pk=instance.pk).first()
    instance._state.was = _told_of(row) if row else ""


def _told_of(row: Model) -> str:
    return state_of(row) if isinstance(row, Membership) else ", ".join(name for name in FLAGS if getattr(row, name))


def _was(row: Model) -> str:
    return str(getattr(row._state, "was", ""))


@receiver(post_save, sender=Membership)
def _membership_saved(instance: Membership, created: bool, **_: Any) -> None:
    tell_membership(instance, was=_was(instance), created=created)


@receiver(post_save, sender=User)
def _account_saved(instance: User, created: bool, update_fields: Collection[str] | None, **_: Any) -> None:
    if update_fields is not None and not RIGHTS.intersection(update_fields):
        return
    told = {"account": _from_to(_was(instance), _told_of(instance))}
    tell_rights("accounts.user", instance.pk, _saved(created), told)


@receiver(post_save, sender=Clinic)
def _clinic_saved(instance: Clinic, created: bool, **_: Any) -> None:
    told = {
        "clinic": "active" if instance.is_active else "closed",
        "second_factor_roles": ", ".join(instance.second_factor_roles) or "none",
    }
    tell_rights("accounts.clinic", instance.pk, _saved(created), told)


@receiver(post_save, sender=ApiToken)
def _token_saved(instance: ApiToken, created: bool, **_: Any) -> None:
    tell_rights("accounts.apitoken", instance.pk, _saved(created), {"membership": str(instance.membership_id)})


@receiver(password_changed)
@receiver(password_reset)
@receiver(password_set)
def _password_set(user: User, **_: Any) -> None:
    """Whoever forgot the password, or chooses the first, is not signed in, and is known all the same."""
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
def _wrong_code(user: User, authenticator: Authenticator, reauthentication: bool = False, **_: Any) -> None:
    """The password was right; whoever typed the code is not signed in, or is and was asked for a proof."""
    if (notes := current()) is not None:
        notes.person, notes.outcome = user.pk, Outcome.MINOR
    note_event(Event.RIGHTS if reauthentication else Event.LOGIN, Action.EXECUTE)
    note_detail(second_factor=str(authenticator.type))


@receiver(authenticator_used)
def _factor_used(authenticator: Authenticator, **_: Any) -> None:
    """A recovery code is what somebody with a stolen list of them signs in with."""
    note_detail(with_factor=str(authenticator.type))


@receiver(was_reset)
def _factor_reset(user: User, factors: list[str], **_: Any) -> None:
    tell_rights("accounts.user", user.pk, Action.UPDATE, {"second_factor": "reset", "removed": ", ".join(factors)})


def tell_refused_arrival(*, code: str, issuer: str, subject: str, email: str) -> None:
    """A sign-in by the provider that came to nothing, of whoever the provider named, if it named anybody."""
    notes = current()
    if notes is None:
        return
    linked = ProviderLink.objects.standing().known_as(issuer, subject).values_list("user", flat=True).first()
    known = linked or User.objects.filter(email__iexact=email).values_list("pk", flat=True).first()
    notes.event, notes.action, notes.outcome = Event.LOGIN, Action.EXECUTE, Outcome.MINOR
    notes.person, notes.login = notes.person or known, "" if known else email
    note_detail(provider=issuer, why=code)


def tell_half_arrival(user: User) -> None:
    """The provider sent somebody who is asked for a second factor first, and may never show one."""
    if (notes := current()) is None:
        return
    notes.person = user.pk
    note_event(Event.LOGIN, Action.EXECUTE)
    note_detail(second_factor="asked for")


def _tell_of_factor(authenticator: Authenticator, action: Action) -> None:
    """The kind of each that one request touches: the first factor brings the recovery codes along."""
    notes = current()
    so_far = [notes.detail["second_factor"]] if notes and "second_factor" in notes.detail else []
    told = {"second_factor": ", ".join([*so_far, str(authenticator.type)])}
    tell_rights("accounts.user", authenticator.user_id, action, told)


def _saved(created: bool) -> Action:
    return Action.CREATE if created else Action.UPDATE
