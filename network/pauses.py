"""How long to wait before something is tried again."""

from __future__ import annotations

import random
from datetime import timedelta

LONGEST = timedelta(hours=1)


def pause_after(tries: int, *, first: timedelta) -> timedelta:
    """Twice as long after each try, an hour at most; with jitter, so that not all come back at one moment."""
    longest = min(first * 2 ** min(tries - 1, 20), LONGEST)
    return longest * random.uniform(0.75, 1)  # noqa: S311  no secret
