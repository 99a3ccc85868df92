"""Keeps processes running: what stops is started again, but not for ever."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable

from portal.embedded.errors import Crashed
from portal.embedded.process import Process

RESTARTS = 5
WITHIN_SECONDS = 300


class Supervisor:
    """Processes in the order in which they start; they stop in the reverse order. `say` tells of restarts."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._processes: list[Process] = []
        self._restarts: defaultdict[str, deque[float]] = defaultdict(deque)

    def start(self, process: Process) -> None:
        process.start()
        self.adopt(process)

    def adopt(self, process: Process) -> None:
        """Watch and stop a process that already runs."""
        self._processes.append(process)

    def watch(self) -> None:
        """Start again whatever has stopped. Raises Crashed when a process stopped more than RESTARTS times."""
        for process in self.stopped():
            self._restart(process)

    @property
    def watched(self) -> int:
        """How many processes it looks after."""
        return len(self._processes)

    def stopped(self) -> list[Process]:
        return [process for process in self._processes if not process.running]

    def stop(self) -> None:
        """Stop everything, last started first."""
        for process in reversed(self._processes):
            process.stop()
        self._processes.clear()

    def hurry(self) -> None:
        """Let a `stop` that is under way wait no longer."""
        for process in self._processes:
            process.patience = 0

    def _restart(self, process: Process) -> None:
        process.sweep()
        restarts = self._restarts[process.name]
        now = time.monotonic()
        while restarts and now - restarts[0] > WITHIN_SECONDS:
            restarts.popleft()
        if len(restarts) >= RESTARTS:
            raise Crashed(
                f"The {process.name} stopped {RESTARTS + 1} times in a row: read {process.log} for the reason."
            )
        restarts.append(now)
        self._say(f"The {process.name} stopped (status {process.exit_status}); starting it again.")
        process.start()
