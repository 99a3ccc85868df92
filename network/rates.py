"""How many times something may happen in a minute, for each that does it; in the memory of one process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

MINUTE = 60.0
# Strangers choose what they are counted by.
MOST_KEYS = 1000


class Rate:
    """Safe between threads. Counted in whole minutes, which begin with the first time."""

    def __init__(self, most: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._now = most, now
        self._lock = threading.Lock()
        self._counts: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def allows(self, key: Hashable) -> bool:
        """Count once more, if there is room for it."""
        with self._lock:
            began, count = self._counts.pop(key, (self._now(), 0))
            if self._now() - began >= MINUTE:
                began, count = self._now(), 0
            allowed = count < self._most
            self._counts[key] = began, count + allowed
            if len(self._counts) > MOST_KEYS:
                self._counts.popitem(last=False)
            return allowed
