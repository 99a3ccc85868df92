"""What an administrator does with the people of their clinic. A person may work in others, which stays unsaid here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models import Exists
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import second_factor
from accounts.audited import state_of, tell_membership, tell_of_member
from accounts.departures import tell_where_it_ended
from accounts.models import ApiToken, Clinic, Invitation, Membership, OpenSession, User
from accounts.models.membership import MembershipQuerySet
from accounts.permissions import Permission, require
from accounts.roles import roles_with
from audit.vocabulary import Action

# Told of a membership: what it was, as `state_of` says it, and how many tokens ended with that.
Tell = Callable[[Membership, str, int], None]
ADMINISTRATORS = frozenset(roles_with(Permission.MANAGE_STAFF))


class Standing(models.TextChoices):
    """Whether somebody works in the clinic."""

    ACTIVE = "active", gettext_lazy("Active")
    INVITED = "invited", gettext_lazy("Invited")
    DEACTIVATED = "deactivated", gettext_lazy("Deactivated")
    ACCOUNT_CLOSED = "account_closed", gettext_lazy("Account closed")


class Invited(NamedTuple):
    """`secret`: of the link, shown this once; None where the person has an account of their own already."""

    membership: Membership
    secret: str | None


@transaction.atomic
def invite(*, by: User, clinic: Clinic, full_name: str, email: str, role: str) -> Invited:
    """A membership for the account with this address, which is made where there is none. Asked again: a new link."""
    require(by, Permission.MANAGE_STAFF, clinic)
    user = User.objects.filter(email__iexact=email.strip()).first() or _new_account(full_name, email)
    _require_below(by, user)
    _refuse_closed(user)
    membership, is_new = Membership.objects.get_or_create(user=user, clinic=clinic, defaults={"role": role})
    if not is_new:
        _require_renewable(membership)
        if membership.role != role:
            change_role(by=by, membership=membership, role=role)
    if not may_hold_link(membership):
        # Whoever holds an older link would hold the key to work in this clinic too.
        Invitation.objects.filter(user=user).delete()
        return Invited(membership, None)
    return Invited(membership, _issue(by, membership))


@transaction.atomic
def renew_link(*, by: User, membership: Membership) -> Invited:
    _require_may_change(by, membership)
    _require_renewable(membership)
    if not may_hold_link(membership):
        raise ValidationError(_("This person chooses a password through “Forgot your password?” on the sign-in page."))
    return Invited(membership, _issue(by, membership))


def may_hold_link(membership: Membership) -> bool:
    """Whether an administrator of the clinic may hold the way into this account: it is new, and this clinic's alone."""
    user = membership.user
    elsewhere = user.memberships.exclude(pk=membership.pk).exists()
    return is_invited(membership) and not (user.is_staff or user.is_superuser or elsewhere)


def may_be_opened(user: User) -> bool:
    """Asked again when a link is used: the administration may have given the account more rights since it was made."""
    held = list(user.memberships.all()[:2])
    return len(held) == 1 and may_hold_link(held[0])


def is_invited(membership: Membership) -> bool:
    """Has never signed in, and has no password to do so."""
    user = membership.user
    return membership.is_active and not user.has_usable_password() and user.last_login is None


def standing_of(membership: Membership) -> Standing:
    if not membership.user.is_active:
        return Standing.ACCOUNT_CLOSED
    if not membership.is_active:
        return Standing.DEACTIVATED
    return Standing.INVITED if is_invited(membership) else Standing.ACTIVE


def change_role(*, by: User, membership: Membership, role: str) -> None:
    _require_may_change(by, membership)
    _change(membership, {"role": role})


def deactivate(*, by: User, membership: Membership) -> None:
    """The person works here no longer, from now on. Their account and their other clinics stay as they are."""
    _require_may_change(by, membership)
    _change(membership, {"is_active": False})
    if not membership.user.memberships.filter(is_active=True).exists():
        Invitation.objects.filter(user=membership.user).delete()


def restore(*, by: User, membership: Membership) -> None:
    """API tokens that ended with the membership stay ended."""
    _require_may_change(by, membership)
    _change(membership, {"is_active": True})


def end_sessions(*, by: User, membership: Membership) -> int:
    """Sign the person out wherever they are signed in; returns in how many places they were."""
    _require_may_change(by, membership)
    _refuse_self(by, membership)
    _refuse_deactivated(membership)
    ended = OpenSession.objects.of(membership.user).end()
    tell_of_member(membership, Action.EXECUTE, ended_sessions=str(ended))
    return ended


def reset_second_factor(*, by: User, membership: Membership) -> None:
    """For somebody who lost theirs: they are signed out everywhere, written to, and set up another one."""
    _require_may_change(by, membership)
    _refuse_self(by, membership)
    _refuse_deactivated(membership)
    _refuse_beyond_clinic(by, membership.user)
    if not second_factor.reset(membership.user, by=by):
        raise ValidationError(_("This person has no second factor."))
    OpenSession.objects.of(membership.user).end()
    tell_of_member(membership, Action.UPDATE)


def require_may_send_link(*, by: User, membership: Membership) -> None:
    """Refuse where a link for another password is of no use; the caller mails it, and shows it to nobody."""
    _require_may_change(by, membership)
    _refuse_closed(membership.user)
    _refuse_deactivated(membership)
    tell_of_member(membership, Action.EXECUTE, mailed="link for another password")


def follow_claim(membership: Membership, *, tell: Tell, **now: Any) -> None:
    """Role or end, as the groups of single sign-on say. What the clinic decided itself is not theirs to change."""
    if not membership.from_claims:
        raise ValidationError(_("This was decided in the clinic itself."))
    _change(membership, now, from_claims=True, tell=tell)


def _tell_of_change(membership: Membership, was: str, revoked: int) -> None:
    tell_membership(membership, was=was, further={"revoked_tokens": str(revoked)} if revoked else None)


def _change(
    membership: Membership, now: Mapping[str, Any], *, from_claims: bool = False, tell: Tell = _tell_of_change
) -> None:
    """One conditional UPDATE under the clinic's lock: of two requests at once the second sees what the first did."""
    was, before = {name: getattr(membership, name) for name in now}, state_of(membership)
    if was == now:
        raise ValidationError(_("This is how it is already."))
    with transaction.atomic():
        Clinic.objects.select_for_update().get(pk=membership.clinic_id)
        rows = Membership.objects.filter(pk=membership.pk, **was)
        if _administers(membership.role, membership.is_active) and not _administers(
            now.get("role", membership.role), now.get("is_active", membership.is_active)
        ):
            rows = rows.filter(Exists(_other_administrators(membership)))
        if not _held_so(rows, from_claims).update(**now, from_claims=from_claims):
            raise _refusal(membership, was)
        membership.refresh_from_db(fields=["role", "is_active", "from_claims"])
        tell(membership, before, ApiToken.objects.filter(membership_id=membership.pk).revoke())
        tell_where_it_ended(membership)


def _held_so(rows: MembershipQuerySet, from_claims: bool) -> MembershipQuerySet:
    """Somebody may decide in the clinic while the person signs in: then the groups change nothing."""
    return rows.filter(from_claims=True) if from_claims else rows


def _administers(role: str, is_active: bool) -> bool:
    return is_active and role in ADMINISTRATORS


def _other_administrators(membership: Membership) -> Any:
    """Who could sign in and take over; somebody who was only invited could not yet."""
    others = Membership.objects.active().holding(Permission.MANAGE_STAFF).filter(clinic=membership.clinic_id)
    return others.exclude(pk=membership.pk).exclude(
        user__password__startswith=UNUSABLE_PASSWORD_PREFIX, user__last_login=None
    )


def _refusal(membership: Membership, was: Mapping[str, Any]) -> ValidationError:
    if Membership.objects.filter(pk=membership.pk, **was).exists():
        return ValidationError(
            _("%(clinic)s would be left without an administrator. Make somebody else an administrator first.")
            % {"clinic": membership.clinic}
        )
    return ValidationError(_("Somebody else has just changed this. Look at the page again."))


def _new_account(full_name: str, email: str) -> User:
    # get_or_create: two administrators may invite the same person at once.
    made = {"full_name": full_name, "password": make_password(None)}
    return User.objects.get_or_create(email=email.strip().lower(), defaults=made)[0]


def _issue(by: User, membership: Membership) -> str:
    tell_of_member(membership, Action.CREATE, issued="one-time link")
    return Invitation.objects.issue(user=membership.user, by=by)


def _require_may_change(by: User, membership: Membership) -> None:
    require(by, Permission.MANAGE_STAFF, membership.clinic)
    _require_below(by, membership.user)


def _require_below(by: User, user: User) -> None:
    if user.is_superuser and not by.is_superuser:
        raise PermissionDenied(_("This account runs the whole site. Only the site’s administration changes it."))


def _refuse_self(by: User, membership: Membership) -> None:
    if membership.user_id == by.pk:
        raise ValidationError(_("For yourself, do this on the page of your account."))


def _refuse_deactivated(membership: Membership) -> None:
    if not membership.is_active:
        raise ValidationError(_("This person is deactivated here."))


def _refuse_beyond_clinic(by: User, user: User) -> None:
    """A second factor guards the whole account: what this administrator does not answer for is the site's to open."""
    elsewhere = user.memberships.active().exclude(clinic__in=Clinic.objects.where(by, Permission.MANAGE_STAFF))
    if not by.is_superuser and (user.is_staff or elsewhere.exists()):
        raise ValidationError(_("Only the site’s administration can reset the second factor of this person."))


def _refuse_closed(user: User) -> None:
    if not user.is_active:
        raise ValidationError(_("This account is closed. Only the site’s administration can open it again."))


def _require_renewable(membership: Membership) -> None:
    if not membership.is_active:
        raise ValidationError(_("This person was deactivated here. Restore them instead of inviting them again."))
    if not is_invited(membership):
        raise ValidationError(_("This person works here already."))
