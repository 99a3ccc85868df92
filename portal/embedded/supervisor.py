"""Keeps processes running: what stops is started again, at once and then after longer and longer pauses, for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from portal.embedded.process import Process

LONGEST_PAUSE = 60.0
# What ran for so long has recovered; its next stop is a first one.
CALM_SECONDS = 300.0


def pause_before(stop: int) -> float:
    """Seconds to wait after the first, second, … stop in a row: 0, 1, 2, 4, up to LONGEST_PAUSE."""
    return min(LONGEST_PAUSE, float(2 ** (stop - 2))) if stop > 1 else 0.0


@dataclass
class _Trouble:
    """Of one process: how often it stopped in a row, when it was last started, and when it will be (inf: it runs)."""

    stops: int = 0
    started_at: float = -inf
    due_at: float = inf


class Supervisor:
    """Processes in the order in which they start; they stop in the reverse order. `say` tells of restarts.

    None is given up, and none takes the others with it: a full disk, or a database that is away, ends by itself.
    """

    def __init__(self, say: Callable[[str], None], *, now: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._now = now
        self._processes: list[Process] = []
        self._troubles: dict[str, _Trouble] = {}

    def start(self, process: Process) -> None:
        process.start()
        self.adopt(process)

    def adopt(self, process: Process) -> None:
        """Watch and stop a process that already runs."""
        self._processes.append(process)

    def watch(self) -> None:
        """Notice what has stopped, and start what has waited for long enough."""
        for process in self.stopped():
            trouble = self._troubles.setdefault(process.name, _Trouble())
            if trouble.due_at == inf:
                self._notice(process, trouble)
            if self._now() >= trouble.due_at:
                self._start_again(process, trouble)

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

    def _notice(self, process: Process, trouble: _Trouble) -> None:
        process.sweep()
        if self._now() - trouble.started_at > CALM_SECONDS:
            trouble.stops = 0
        self._plan(process, trouble, f"The {process.name} stopped (status {process.exit_status})")

    def _plan(self, process: Process, trouble: _Trouble, what: str) -> None:
        trouble.stops += 1
        pause = pause_before(trouble.stops)
        trouble.due_at = self._now() + pause
        again = f"starting it again in {pause:g} s; {process.log} has the reason" if pause else "starting it again"
        self._say(f"{what}; {again}.")

    def _start_again(self, process: Process, trouble: _Trouble) -> None:
        trouble.started_at, trouble.due_at = self._now(), inf
        try:
            process.start()
        except OSError as error:  # no room for its log, no memory for a process
            self._plan(process, trouble, f"The {process.name} cannot start ({error})")
