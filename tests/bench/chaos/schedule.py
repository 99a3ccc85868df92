"""What is killed, when, and for how long it stays away: all of it follows from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

VICTIMS = ("listener", "worker", "broker", "web", "database", "Orthanc")


@dataclass(frozen=True)
class Kill:
    """Seconds: `after` the part before is back, and until this one is started again."""

    victim: str
    after: float
    away: float


def kills(seed: int, *, pause: float) -> Iterator[Kill]:
    """Without end: in each round every victim once, `pause` seconds apart on average, a chance of its own for each."""
    rng = random.Random(seed)
    while True:
        for victim in rng.sample(VICTIMS, len(VICTIMS)):
            yield Kill(victim, after=rng.uniform(0, 2 * pause), away=rng.uniform(0.2, pause))
