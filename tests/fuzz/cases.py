"""What came of each case, counted and, where it is a fault, kept."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random
from traceback import format_exc

# On a machine that is busy with other things too.
HANGS_AFTER_SECONDS = 30


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    CRASH = "crash"
    HANG = "hang"


FAULTS = (Outcome.CRASH, Outcome.HANG)


@dataclass(frozen=True)
class Case:
    """`send` does it and gives what came of it with a word that says more; `sent` is what to look at later."""

    kind: str
    sent: bytes
    send: Callable[[], tuple[Outcome, str]]


Source = Callable[[Random], Case]


@dataclass
class Tally:
    """Outcomes by kind of case; `words` says more of each, `slowest` is in seconds."""

    outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    slowest: float = 0

    @property
    def cases(self) -> int:
        return self.outcomes.total()

    def of(self, outcome: Outcome) -> int:
        return sum(count for (_, one), count in self.outcomes.items() if one == outcome)

    def lines(self) -> list[str]:
        kinds = sorted({kind for kind, _ in self.outcomes})
        each = [f"{kind}: " + ", ".join(f"{self.outcomes[kind, one]} {one}" for one in Outcome) for kind in kinds]
        last = f"fuzz {self.cases} cases, {self.of(Outcome.CRASH)} crashes, {self.of(Outcome.HANG)} hangs"
        return [*each, f"slowest {self.slowest:.1f} s", last]


def run(sources: Sequence[Source], *, count: int, seed: int, folder: Path, first: int = 0) -> Tally:
    """`count` cases from `first` on; each depends on the seed and its number alone. Faults are written to `folder`.

    An interruption ends it early; what was counted so far is given.
    """
    tally = Tally()
    with suppress(KeyboardInterrupt):
        _count(tally, sources, range(first, first + count), seed, folder)
    return tally


def _count(tally: Tally, sources: Sequence[Source], numbers: range, seed: int, folder: Path) -> None:
    for number in numbers:
        chance = Random(f"{seed}/{number}")
        case = chance.choice(sources)(chance)
        outcome, word, seconds = _sent(case)
        tally.outcomes[case.kind, outcome] += 1
        tally.words[f"{case.kind}: {word.splitlines()[0][:60] if word else ''}"] += 1
        tally.slowest = max(tally.slowest, seconds)
        if outcome in FAULTS:
            _keep(folder, f"{outcome}-{seed}-{number}", case, word)


def _sent(case: Case) -> tuple[Outcome, str, float]:
    begun = time.monotonic()
    try:
        outcome, word = case.send()
    except Exception:  # whatever it is, it is what is looked for
        outcome, word = Outcome.CRASH, format_exc()
    seconds = time.monotonic() - begun
    return (Outcome.HANG if seconds > HANGS_AFTER_SECONDS else outcome), word, seconds


def _keep(folder: Path, name: str, case: Case, word: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.{case.kind}").write_bytes(case.sent)
    (folder / f"{name}.txt").write_text(word)
