"""Tell a worker that instances arrived, without holding up those who send them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from network import tasks

PAUSE_SECONDS = 1.0


class Waker:
    """One message for all that arrives within a second. A broker that is away costs nothing: the beat asks too."""

    def __init__(self, wake: Callable[[], None] = tasks.wake) -> None:
        self._wake = wake
        self._news, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
        self._thread.start()

    def arrived(self) -> None:
        self._news.set()

    def stop(self) -> None:
        self._done.set()
        self._news.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._done.is_set():
            self._news.wait()
            self._done.wait(PAUSE_SECONDS)
            self._news.clear()
            self._wake()
