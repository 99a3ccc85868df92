"""Who somebody is that the provider sent, and where its groups let them work.

Found by e-mail once, by the provider's subject ever after. Memberships that groups gave follow the groups at each
sign-in; those that a clinic gave, or changed, are the clinic's. Everything is told to the audit trail with its origin.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import people, second_factor
from accounts.audited import state_of
from accounts.letters import write_to
from accounts.models import ApiToken, Clinic, Invitation, Membership, OpenSession, ProviderLink, User
from accounts.openid import Grant, Identity, Provider, SignInRefused
from accounts.roles import ROLES
from audit.notes import note_object
from audit.record import record
from audit.vocabulary import Action, Event, Outcome

logger = logging.getLogger(__name__)


@contextmanager
def _one_of_two() -> Iterator[None]:
    """The same person comes in two windows at once."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise SignInRefused("stale", str(error)) from error


@_one_of_two()
def person_of(provider: Provider, identity: Identity) -> User:
    """The account of whoever signed in there; connected, or made, if it is their first time. Raises SignInRefused."""
    return _connected(identity) or _newcomer(provider, identity)


@_one_of_two()
def connect(user: User, identity: Identity, *, by_email: bool = False) -> None:
    """From now on this subject of the provider's is `user`, who is written to."""
    standing = ProviderLink.objects.standing()
    if standing.known_as(identity.issuer, identity.subject).exclude(user=user).exists():
        raise SignInRefused("other", "the subject belongs to somebody else here")
    if standing.filter(user=user, issuer=identity.issuer).exclude(subject=identity.subject).exists():
        raise SignInRefused("taken", "the account has another subject there")
    link, is_new = standing.get_or_create(issuer=identity.issuer, subject=identity.subject, user=user)
    if not is_new and link.by_email == by_email:
        return
    standing.filter(pk=link.pk).update(by_email=by_email)
    # A link by which somebody else could still choose the first password ends here.
    Invitation.objects.filter(user=user).delete()
    found = "by its verified e-mail address" if by_email else "by the person"
    _tell(
        Action.CREATE, "accounts.providerlink", link.pk, identity.issuer, {"member": str(user.pk), "connected": found}
    )
    transaction.on_commit(partial(write_to, user, "provider_connected"))


@transaction.atomic
def disconnect(user: User, *, by: User, besides: str = "") -> bool:
    """False where nothing was connected. What groups gave ends too, as nobody would take it back any more.

    Sessions end, but that of this digest: somebody else may have begun them. So may API tokens have been issued, which
    end where another person than `user` disconnects. Whether another way in is left is asked by whoever calls.
    """
    links = [link for link in ProviderLink.objects.of(user) if _end(link)]
    for link in links:
        for membership in user.memberships.select_related("clinic", "user"):
            _withdraw(membership, link.issuer)
        revoked = 0 if by == user else ApiToken.objects.visible_to(user).revoke()
        told = {"member": str(user.pk), **({"revoked_tokens": str(revoked)} if revoked else {})}
        _tell(Action.DELETE, "accounts.providerlink", link.pk, link.issuer, told, by=by)
        OpenSession.objects.of(user).exclude(digest=besides).end()
        note_object("accounts.user", user.pk)
    return bool(links)


def _end(link: ProviderLink) -> bool:
    return bool(ProviderLink.objects.standing().filter(pk=link.pk).update(ended_at=timezone.now()))


def note_use(identity: Identity, *, asked_at: float | None) -> None:
    """asked_at: when the provider was asked for a new proof, seconds since 1970; None where it was not.

    Raises SignInRefused where its answer is the proof of an earlier use: clocks may differ, but it is a newer one.
    Times of the provider are whole seconds, so two within one second are not told apart.
    """
    moment = datetime.fromtimestamp(identity.authenticated_at, UTC)
    links = ProviderLink.objects.standing().known_as(identity.issuer, identity.subject)
    if asked_at is not None:
        within_the_second = Q(authenticated_at__gt=datetime.fromtimestamp(asked_at - 1, UTC))
        links = links.filter(Q(authenticated_at=None) | Q(authenticated_at__lt=moment) | within_the_second)
    if not links.update(last_used_at=timezone.now(), authenticated_at=moment):
        raise SignInRefused("old", f"auth_time {identity.authenticated_at} was used before")


def _connected(identity: Identity) -> User | None:
    known = ProviderLink.objects.standing().known_as(identity.issuer, identity.subject)
    link = known.select_related("user").first()
    if link is None:
        return None
    _open(link.user)
    if not link.opens_account:
        raise SignInRefused("guarded", "connected by an address, before it was an account of the administration")
    return link.user


def _newcomer(provider: Provider, identity: Identity) -> User:
    if ProviderLink.objects.known_as(identity.issuer, identity.subject).exists():
        # Found by the same address once more, whoever was disconnected as the wrong person would be connected again.
        raise SignInRefused("ended")
    if not identity.email:
        raise SignInRefused("unverified")
    user = _with_address(identity.email)
    if user is None:
        return _new_account(provider, identity)
    _open(user)
    if user.is_staff or user.is_superuser or second_factor.has_one(user):
        # Whoever runs the provider, or gives an address to somebody else, would get in by that address.
        raise SignInRefused("guarded")
    connect(user, identity, by_email=True)
    return user


def _with_address(email: str) -> User | None:
    """A database takes more letters for the same than those that are."""
    found = User.objects.filter(email__iexact=email)
    return next((user for user in found if user.email.isascii() and user.email.lower() == email), None)


def _open(user: User) -> User:
    if not user.is_active:
        raise SignInRefused("closed")
    return user


def _new_account(provider: Provider, identity: Identity) -> User:
    """Only for somebody whom a group gives a place to work. It has no password."""
    if not (provider.makes_accounts and any(grant.group in identity.groups for grant in provider.grants)):
        raise SignInRefused("unknown")
    name = identity.full_name or identity.email
    # bulk_create: the entry of its own, below, tells more than the signal of a saved account.
    user = User(email=identity.email, full_name=name, password=make_password(None))
    User.objects.bulk_create([user])
    _tell(Action.CREATE, "accounts.user", user.pk, identity.issuer, {"account": "made for a new person"})
    connect(user, identity, by_email=True)
    return user


# --- where they work ---------------------------------------------------------------------------------------


@_one_of_two()
def follow_groups(user: User, provider: Provider, identity: Identity, *, besides: str = "") -> bool:
    """Give, change and withdraw what groups decide. True where a right was withdrawn: then sessions of the person end,
    but that of the digest `besides`.
    """
    ProviderLink.objects.of(user).update(groups_at=timezone.now())
    held_groups = [grant for grant in provider.grants if grant.group in identity.groups]
    wanted, are_all_known = _wanted(held_groups)
    held = {membership.clinic_id: membership for membership in user.memberships.select_related("clinic", "user")}
    lost = False
    for clinic, role in wanted.items():
        lost |= _give(user, clinic, role, held.get(clinic.pk), identity.issuer)
    # One whose clinic has another name by now, and the person is in its group, is not withdrawn by mistake.
    kept, named = {clinic.pk for clinic in wanted}, {grant.clinic for grant in provider.grants}
    for membership in held.values():
        if membership.clinic_id not in kept and (are_all_known or membership.clinic.name in named):
            lost |= _withdraw(membership, identity.issuer)
    if lost:
        _end_sessions(user, identity.issuer, besides)
    return lost


def end_forgotten(provider: Provider) -> int:
    """Withdraw what groups gave to people of whose groups the provider has said nothing for too long: they may sign in
    by a password of their own while it knows them no longer. Back there, they have it again. Returns of how many.
    """
    since = timezone.now() - timedelta(days=provider.groups_last)
    held = Membership.objects.filter(from_claims=True, is_active=True)
    recent = ProviderLink.objects.standing().filter(groups_at__gte=since)
    forgotten = User.objects.filter(pk__in=held.values("user")).exclude(pk__in=recent.values("user"))
    return sum(_forget(user, provider, since) for user in forgotten)


@transaction.atomic
def _forget(user: User, provider: Provider, since: datetime) -> bool:
    """The person may sign in at this moment: under the lock of the link it is looked at again."""
    links = list(ProviderLink.objects.standing().filter(user=user).select_for_update())
    if any(link.groups_at and link.groups_at >= since for link in links):
        return False
    held = list(user.memberships.select_related("clinic", "user"))
    lost = [membership for membership in held if _withdraw(membership, provider.issuer)]
    if lost:
        _end_sessions(user, provider.issuer)
    return bool(lost)


def _end_sessions(user: User, issuer: str, besides: str = "") -> None:
    ended = OpenSession.objects.of(user).exclude(digest=besides).end()
    _tell(Action.EXECUTE, "accounts.user", user.pk, issuer, {"ended_sessions": str(ended)})


def _wanted(grants: Iterable[Grant]) -> tuple[dict[Clinic, str], bool]:
    """Role by clinic: of two groups for one clinic the first of the list. And whether every clinic exists."""
    grants = list(grants)
    clinics = {clinic.name: clinic for clinic in Clinic.objects.filter(name__in=[grant.clinic for grant in grants])}
    wanted: dict[Clinic, str] = {}
    for grant in grants:
        if grant.clinic in clinics:
            wanted.setdefault(clinics[grant.clinic], grant.role)
        else:
            logger.error("OIDC_ROLES names a clinic that does not exist: %s", grant.clinic)
    return wanted, all(grant.clinic in clinics for grant in grants)


def _give(user: User, clinic: Clinic, role: str, held: Membership | None, issuer: str) -> bool:
    """True where the person had rights there that this role does not hold."""
    if held is None:
        _make(user, clinic, role, issuer)
        return False
    if not held.from_claims or (held.role, held.is_active) == (role, True):
        return False
    had = held.permissions if held.is_active else frozenset()
    return _change(held, issuer, role=role, is_active=True) and not had <= ROLES[role].permissions


def _make(user: User, clinic: Clinic, role: str, issuer: str) -> None:
    """bulk_create: an entry of its own, with its origin, is made instead of the signal's."""
    membership = Membership(user=user, clinic=clinic, role=role, from_claims=True)
    Membership.objects.bulk_create([membership])
    _tell_membership(issuer, membership, "", 0)


def _withdraw(held: Membership, issuer: str) -> bool:
    return held.from_claims and held.is_active and _change(held, issuer, is_active=False)


def _change(held: Membership, issuer: str, **now: Any) -> bool:
    """False where it would leave a clinic without an administrator, which is told too."""
    try:
        people.follow_claim(held, tell=partial(_tell_membership, issuer), **now)
    except ValidationError as refusal:
        logger.warning("A membership does not follow its group: %s", refusal.messages[0])
        told = {
            "member": str(held.user_id),
            "clinic": str(held.clinic_id),
            "kept": "last administrator, or just changed",
        }
        _tell(Action.UPDATE, "accounts.membership", held.pk, issuer, told, outcome=Outcome.MINOR)
        return False
    return True


def _tell_membership(issuer: str, membership: Membership, was: str, revoked: int) -> None:
    now = state_of(membership)
    told = {
        "role": f"{was} → {now}" if was and was != now else now,
        "member": str(membership.user_id),
        "clinic": str(membership.clinic_id),
        **({"revoked_tokens": str(revoked)} if revoked else {}),
    }
    _tell(Action.UPDATE if was else Action.CREATE, "accounts.membership", membership.pk, issuer, told)


def _tell(
    action: Action,
    kind: str,
    key: object,
    issuer: str,
    told: Mapping[str, str],
    *,
    outcome: Outcome = Outcome.SUCCESS,
    by: User | None = None,
) -> None:
    """An entry of its own, beside that of the request, which is the sign-in. by: nobody where the provider decided."""
    person = {"person": by.pk} if by else {}
    detail = {**told, "origin": issuer}
    record(Event.RIGHTS, action, object_type=kind, object_id=str(key), outcome=outcome, detail=detail, **person)
