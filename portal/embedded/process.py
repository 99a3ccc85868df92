"""One child process: started so that it cannot outlive the launcher, stopped politely, then firmly."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from portal.parent_death import die_with_parent

LOG_BYTES = 10_000_000
POLL_SECONDS = 0.02


@dataclass
class Process:
    """A part of the portal that runs beside the launcher.

    Start it from the launcher's main thread: the kernel ties the child to the thread that started it.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    # Seconds it gets to finish what it is doing after a stop signal.
    patience: float = 10
    # What the kernel sends it when the launcher ends without having stopped it.
    death_signal: signal.Signals = signal.SIGTERM
    directory: Path | None = None
    _popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        _rotate(self.log)
        with self.log.open("ab") as output:
            self._popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.environment},
                # Its own group: Ctrl-C reaches the launcher alone, which stops its parts in order.
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid(), self.death_signal),  # noqa: PLW1509  the launcher has one thread
            )

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen else None

    @property
    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def exit_status(self) -> int | None:
        return self._popen.poll() if self._popen else None

    def request_stop(self) -> None:
        if self.running and self._popen:
            self._popen.terminate()

    def stop(self) -> None:
        """Ask, wait `patience` seconds, then kill; in every case leave no member of its group behind."""
        if self._popen is None:
            return
        self.request_stop()
        begun = time.monotonic()
        # `patience` is read anew each time: a second Ctrl-C sets it to nothing.
        while self.running and time.monotonic() < begun + self.patience:
            time.sleep(POLL_SECONDS)
        self.sweep()
        self._popen.wait()

    def sweep(self) -> None:
        """Kill what is left of its process group (the pool of a worker that was itself killed, for example)."""
        if self._popen is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
