"""The person who signed in types their password again before they sign."""

from __future__ import annotations

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
