"""Who somebody is that the provider sent, and where its groups let them work.

Found by e-mail once, by the provider's subject ever after. Memberships that groups gave follow the groups at each
sign-in; those that a clinic gave, or changed, are the clinic's. Everything is told to the audit trail with its origin.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import people
from accounts.audited import state_of
from accounts.letters import write_to
from accounts.models import Clinic, Invitation, Membership, OpenSession, ProviderLink, User
from accounts.openid import Grant, Identity, Provider, SignInRefused
from accounts.roles import ROLES
from audit.record import record
from audit.vocabulary import Action, Event, Outcome

logger = logging.getLogger(__name__)


def person_of(provider: Provider, identity: Identity) -> User:
    """The account of whoever signed in there; connected, or made, if it is their first time. Raises SignInRefused."""
    try:
        with transaction.atomic():
            return _connected(identity) or _newcomer(provider, identity)
    except IntegrityError as error:  # the same person in two windows
        raise SignInRefused("stale", str(error)) from error


def connect(user: User, identity: Identity, *, by_email: bool = False) -> None:
    """From now on this subject of the provider's is `user`, who is written to."""
    if ProviderLink.objects.known_as(identity.issuer, identity.subject).exclude(user=user).exists():
        raise SignInRefused("other", "the subject belongs to somebody else here")
    if user.provider_links.filter(issuer=identity.issuer).exclude(subject=identity.subject).exists():
        raise SignInRefused("taken", "the account has another subject there")
    link, is_new = ProviderLink.objects.get_or_create(issuer=identity.issuer, subject=identity.subject, user=user)
    if not is_new:
        return
    # A link by which somebody else could still choose the first password ends here.
    Invitation.objects.filter(user=user).delete()
    found = "by its verified e-mail address" if by_email else "by the person"
    _tell(
        Action.CREATE, "accounts.providerlink", link.pk, identity.issuer, {"member": str(user.pk), "connected": found}
    )
    transaction.on_commit(partial(write_to, user, "provider_connected"))


def disconnect(user: User, *, besides: str = "") -> bool:
    """False where nothing was connected. Sessions end, but that of this digest: somebody else may have begun them.

    Whether another way in is left is asked by whoever calls.
    """
    links = list(ProviderLink.objects.of(user))
    for link in links:
        _tell(Action.DELETE, "accounts.providerlink", link.pk, link.issuer, {"member": str(user.pk)})
        link.delete()
    if links:
        OpenSession.objects.of(user).exclude(digest=besides).end()
    return bool(links)


def note_use(identity: Identity) -> None:
    ProviderLink.objects.known_as(identity.issuer, identity.subject).update(last_used_at=timezone.now())


def _connected(identity: Identity) -> User | None:
    link = ProviderLink.objects.known_as(identity.issuer, identity.subject).select_related("user").first()
    return _open(link.user) if link else None


def _newcomer(provider: Provider, identity: Identity) -> User:
    if not identity.email:
        raise SignInRefused("unverified")
    user = User.objects.filter(email__iexact=identity.email).first()
    if user is None:
        return _new_account(provider, identity)
    _open(user)
    if user.is_staff or user.is_superuser:
        # Whoever runs the provider would else run the portal, by an address.
        raise SignInRefused("guarded")
    connect(user, identity, by_email=True)
    return user


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


@transaction.atomic
def follow_groups(user: User, provider: Provider, identity: Identity) -> None:
    """Give, change and withdraw what groups decide. Sessions of the person end where a right was withdrawn."""
    held_groups = [grant for grant in provider.grants if grant.group in identity.groups]
    wanted, are_all_known = _wanted(held_groups)
    held = {membership.clinic_id: membership for membership in user.memberships.select_related("clinic", "user")}
    lost = False
    for clinic, role in wanted.items():
        lost |= _give(user, clinic, role, held.get(clinic.pk), identity.issuer)
    if are_all_known:
        # One whose clinic has another name by now, and the person is in its group, is not withdrawn by mistake.
        kept = {clinic.pk for clinic in wanted}
        for membership in held.values():
            lost |= membership.clinic_id not in kept and _withdraw(membership, identity.issuer)
    if lost:
        ended = OpenSession.objects.of(user).end()
        _tell(Action.EXECUTE, "accounts.user", user.pk, identity.issuer, {"ended_sessions": str(ended)})


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
) -> None:
    """An entry of its own, beside that of the request, which is the sign-in."""
    detail = {**told, "origin": issuer}
    record(Event.RIGHTS, action, object_type=kind, object_id=str(key), outcome=outcome, detail=detail)
