"""How many uploads of one person, and of one clinic, are taken in at the same time."""

from __future__ import annotations

import threading
from collections import Counter
from uuid import UUID

from accounts.sender import Sender


class Places:
    """Counts the uploads that arrive, wait or are worked on in this process. Safe to share between threads."""

    def __init__(self, *, person: int, clinic: int) -> None:
        self._most = {"person": person, "clinic": clinic}
        self._taken: Counter[tuple[str, UUID]] = Counter()
        self._lock = threading.Lock()

    def take(self, sender: Sender) -> bool:
        """Whether there was a place; give it back when the upload has ended."""
        keys = _keys(sender)
        with self._lock:
            if any(self._taken[key] >= self._most[key[0]] for key in keys):
                return False
            self._taken.update(keys)
            return True

    def give_back(self, sender: Sender) -> None:
        with self._lock:
            self._taken.subtract(_keys(sender))
            self._taken = +self._taken  # drops those at nothing


def _keys(sender: Sender) -> list[tuple[str, UUID]]:
    return [("person", sender.person), ("clinic", sender.clinic)]
