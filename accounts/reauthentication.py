"""The person who signed in proves it is them again before they sign; the session keeps the proof for a while.

They type their password, or confirm at the provider of single sign-on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import cache

from accounts.models import User

TRIES = 5
PAUSE_SECONDS = 300


class WrongPassword(Exception):
    """Not the person's password. `exhausted` once too many guesses in a row forbid another for a while."""

    def __init__(self, *, exhausted: bool) -> None:
        super().__init__("wrong password")
        self.exhausted = exhausted


def confirm_password(user: User, password: str) -> None:
    """Raise WrongPassword unless `password` is `user`'s; guesses are counted in the shared cache."""
    key = f"reauthentication-failures:{user.pk}"
    cache.add(key, 0, PAUSE_SECONDS)
    # Counted before the check, so that many guesses at once cannot slip through together.
    if cache.incr(key) > TRIES:
        raise WrongPassword(exhausted=True)
    if not user.check_password(password):
        raise WrongPassword(exhausted=False)
    cache.delete(key)


_KEY = "signing_proof"
# A password that was just typed serves the signature that it was typed for, whatever the site allows after it.
AT_HAND = timedelta(minutes=1)
# Whoever confirmed elsewhere comes back and then signs: so long it serves, even where a password serves once.
ON_RETURN = timedelta(minutes=3)


@dataclass(frozen=True)
class Proof:
    """That this person proved in this session a short while ago who they are. Made by `prove` and `proof_in` alone."""

    user_id: UUID
    until: datetime

    def holds_for(self, user: User) -> bool:
        return self.user_id == user.pk and datetime.now(UTC) < self.until


def prove(session: SessionBase, user: User, password: str) -> Proof:
    """Check the password and keep the proof in the session. Raises WrongPassword."""
    confirm_password(user, password)
    keep_proof(session, user, least=AT_HAND)
    return Proof(user.pk, datetime.now(UTC) + AT_HAND)


def keep_proof(session: SessionBase, user: User, *, least: timedelta = ON_RETURN) -> None:
    """Whoever calls has just seen the proof. It serves for SIGNING_PROOF, and for `least` if that is longer."""
    now = time.time()
    account = user.get_session_auth_hash()
    session[_KEY] = {"at": now, "used": now, "account": account, "least": least.total_seconds()}


def proof_in(session: SessionBase, user: User) -> Proof | None:
    """The proof that still holds; None where there is none, it is too old, the session idled or the password changed.

    Asking for it counts as a sign of life: ask where a person acts, never where a page asks by itself.
    """
    kept = session.get(_KEY)
    if not kept or kept["account"] != user.get_session_auth_hash():
        return None
    proof = _proof(user, kept, kept["used"])
    if not proof.holds_for(user):
        del session[_KEY]
        return None
    session[_KEY] = {**kept, "used": time.time()}
    return _proof(user, kept, time.time())


def forget_proof(session: SessionBase) -> None:
    session.pop(_KEY, None)


def forget_single_proof(session: SessionBase) -> None:
    """Something was signed: where a proof serves one signature, that was it."""
    if not settings.SIGNING_PROOF:
        forget_proof(session)


def _proof(user: User, kept: Mapping[str, Any], used_at: float) -> Proof:
    """It ends a fixed time after it was given, whatever is done, and sooner where nothing is done."""
    least = kept.get("least", 0)
    ends = kept["at"] + max(least, settings.SIGNING_PROOF.total_seconds())
    idle = used_at + max(least, settings.SIGNING_PROOF_IDLE.total_seconds())
    return Proof(user.pk, datetime.fromtimestamp(min(ends, idle), UTC))
