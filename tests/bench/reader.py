"""One reader of `make bench-reading`: a process of its own, without Django, that knows the portal by its pages alone.

Takes lines of JSON: first who it is (`Person`), then one `Shift` after the other; answers each with one line.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from tests.bench.browsing import Browsing

_SEEN = re.compile(r'name="seen" value="([^"]*)"')
_GREYSCALE = re.compile(r'"greyscale": "([^"]+)"')
# What becomes of a case: decided with the next one at once, decided, given back.
_ENDS, _SHARES = ("onward", "decide", "release"), (4, 3, 3)
WORDS = {"category": "negative", "decision": "agree", "image_quality": "good", "impression": "No sign of pneumonia."}


@dataclass(frozen=True)
class Person:
    host: str
    port: int
    email: str
    password: str = field(repr=False)
    seed: int


@dataclass(frozen=True)
class Shift:
    """Seconds: how long it lasts, and the shortest and longest pause before the queue's and the case's button."""

    seconds: float
    pause_from: float
    pause_to: float


@dataclass
class Log:
    """What a reader saw. Times in milliseconds; moments in seconds on the clock that all processes share."""

    took: dict[str, list[float]] = field(default_factory=dict)
    held: list[tuple[str, float, float]] = field(default_factory=list)
    images: list[tuple[str, float, float, float]] = field(
        default_factory=list
    )  # address, moment, request, since pressed
    ahead: list[tuple[str, float]] = field(default_factory=list)  # address, moment

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.took.setdefault(kind, []).append(1000 * (time.monotonic() - begun))


class Reader:
    def __init__(self, person: Person) -> None:
        self.random = random.Random(person.seed)
        self.browsing = Browsing(person.host, person.port)
        self.browsing.sign_in(person.email, person.password)

    def work(self, shift: Shift) -> Log:
        log, until = Log(), time.monotonic() + shift.seconds
        self.browsing.rest()
        # Not all at the same moment.
        time.sleep(self.random.uniform(0, shift.pause_to))
        while time.monotonic() < until:
            with log.timed("queue page"):
                self.browsing.get("/reading/")
            self._pause(shift)
            pressed = time.monotonic()
            with log.timed("next case"):
                case = self.browsing.post("/reading/next/")
            self._read_on(case, pressed, shift, until, log)
        return log

    def _read_on(self, case: str, pressed: float, shift: Shift, until: float, log: Log) -> None:
        """Cases, one after the other, as long as the reader goes on without looking at the queue."""
        while True:
            given = time.monotonic()
            seen = self._open(case, pressed, log)
            self._pause(shift)
            (end,) = self.random.choices(_ENDS, _SHARES) if time.monotonic() < until else ("release",)
            pressed = time.monotonic()
            log.held.append((case, given, pressed))
            case_before, case = case, self._end(case, end, seen, log)
            if end != "onward" or case == case_before:
                return

    def _open(self, case: str, pressed: float, log: Log) -> str:
        """The case's page and its image. Returns the key of the result that the page shows."""
        with log.timed("case page"):
            page = self.browsing.get(case).text
        image, asked = _found(_GREYSCALE, page), time.monotonic()
        self.browsing.image(image)
        now = time.monotonic()
        log.images.append((image, now, 1000 * (now - asked), 1000 * (now - pressed)))
        self._look_ahead(case, log)
        return _found(_SEEN, page)

    def _look_ahead(self, case: str, log: Log) -> None:
        """As the page does when it is at rest: fetch the images of the cases that come next."""
        with log.timed("neighbours"):
            images = json.loads(self.browsing.get(f"{case}neighbours/").content)["images"]
        for image in images:
            if image not in self.browsing.kept:
                self.browsing.image(image)
                log.ahead.append((image, time.monotonic()))

    def _end(self, case: str, end: str, seen: str, log: Log) -> str:
        if end == "release":
            with log.timed("give back"):
                return self.browsing.post(f"{case}release/")
        words = {**WORDS, "seen": seen, **({"go_on": "on"} if end == "onward" else {})}
        with log.timed("decide, next case" if end == "onward" else "decide"):
            return self.browsing.post(f"{case}decision/", **words)

    def _pause(self, shift: Shift) -> None:
        if shift.pause_to:
            self.browsing.rest()
            time.sleep(self.random.uniform(shift.pause_from, shift.pause_to))


def _found(pattern: re.Pattern[str], page: str) -> str:
    found = pattern.search(page)
    assert found, f"no {pattern.pattern} in {page[:2000]}"
    return found[1]


def main() -> None:
    reader = Reader(Person(**json.loads(sys.stdin.readline())))
    print("{}", flush=True)
    for line in sys.stdin:
        print(json.dumps(asdict(reader.work(Shift(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    main()
