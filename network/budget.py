"""How many bytes of unfinished work a process holds altogether, whoever they are of."""

from __future__ import annotations

import threading


class Budget:
    """Safe between threads."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._held, self._lock = 0, threading.Lock()

    def take(self, size: int) -> bool:
        """Hold `size` bytes more, if there is room for them."""
        with self._lock:
            if self._held + size > self.most:
                return False
            self._held += size
            return True

    def give_back(self, size: int) -> None:
        with self._lock:
            self._held -= size
