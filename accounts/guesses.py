"""Wrong passwords make whoever types them wait, and nobody else.

A name is never locked, and neither is an address behind which a whole hospital may sit. Counted is the pair of name and
address, the address alone for many names, and the name alone for guesses from many addresses; where a person has signed
in before (accounts/devices.py), only what is typed there.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from hashlib import sha256

from django.core.cache import cache
from django.http import HttpRequest

from accounts import devices
from accounts.visitor import visitor

# Failures are forgotten when there was none for so long, in seconds.
MEMORY = 900
FIRST_WAIT = 5


@dataclass(frozen=True, slots=True)
class Count:
    """Failures that belong together: the first `free` cost nothing, and each further one doubles the wait (seconds)."""

    key: str
    free: int
    longest: int = 60

    def wait_after(self, failures: int) -> int:
        """Seconds."""
        beyond = failures - self.free
        return 0 if beyond < 0 else min(self.longest, FIRST_WAIT * 2 ** min(beyond, 10))


def counts(request: HttpRequest, email: str) -> list[Count]:
    """What an attempt to sign in as `email` counts for."""
    name = sha256(email.strip().lower().encode()).hexdigest()[:32]
    if device := devices.known_for(request, email):
        return [Count(f"device:{device}:{name}", free=5)]
    address = visitor(request)
    return [
        Count(f"pair:{name}:{address}", free=5),
        # A shift of two hundred people who mistype now and then is not a guesser.
        Count(f"address:{address}", free=40, longest=30),
        # Whoever is at a known device, or comes by the mailed link, is not asked to wait for these.
        Count(f"name:{name}", free=60, longest=30),
    ]


def wait(every: list[Count]) -> int:
    """Seconds until another attempt is looked at; 0: now. Asking costs nothing and makes no wait longer."""
    until = cache.get_many([_until(count) for count in every]).values()
    return max(0, *(math.ceil(moment - time.time()) for moment in until), 0)


def add_failure(every: list[Count]) -> None:
    """Before the password is checked, so that many guesses at once cannot slip through together."""
    for count in every:
        cache.add(_failures(count), 0, MEMORY)
        _set_wait(count, _increased(count))


def take_back(every: list[Count]) -> None:
    """It was no failure: the password was right. Earlier failures stay counted."""
    for count in every:
        failures = int(cache.get(_failures(count)) or 0)
        if failures:
            cache.decr(_failures(count))
        cache.delete(_until(count))


def forget(every: list[Count]) -> None:
    """The person has proved who they are in another way."""
    cache.delete_many([key for count in every for key in (_failures(count), _until(count))])


def _increased(count: Count) -> int:
    try:
        failures = int(cache.incr(_failures(count)))
    except ValueError:  # forgotten between the two calls
        return 1
    cache.touch(_failures(count), MEMORY)
    return failures


def _set_wait(count: Count, failures: int) -> None:
    if seconds := count.wait_after(failures):
        cache.set(_until(count), time.time() + seconds, seconds)


def _failures(count: Count) -> str:
    return f"guesses:{count.key}"


def _until(count: Count) -> str:
    return f"guesses-wait:{count.key}"
