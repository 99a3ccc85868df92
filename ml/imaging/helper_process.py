"""The decoding helper as its owner sees it: started, asked, replaced."""

import json
import logging
import os
import signal
import socket
import subprocess
import weakref
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from ml.confinement import ALL, Layer, Report
from ml.confinement import process as started
from ml.confinement.wire import Message
from ml.imaging.errand import PIPE_BYTES, Errand, HelperOptions, read_first, receive
from ml.imaging.limits import Limits
from ml.imaging.refusal import ImageRefused

logger = logging.getLogger(__name__)

# Room for the largest accepted picture in its intermediate forms, on top of the libraries.
MEMORY_BYTES = 3 * 1024**3
# Decoders leak a little; and a process that was taken over must not stay for ever.
FILES_PER_PROCESS = 100
START_SECONDS = 60.0
# For the kernel to end a process and give back its memory.
END_SECONDS = 10.0
CRASHED = "decoder-crashed"
_GONE = (EOFError, OSError, ValueError, IndexError, RecursionError)


class SandboxFailed(RuntimeError):
    """No helper could be started: a fault of this installation and not of a file."""


def command(options: HelperOptions) -> list[str]:
    return started.command("ml.imaging.helper", json.dumps(asdict(options)))


def _stop(process: subprocess.Popen[bytes], control: socket.socket, errands: list[Errand], owner: int) -> None:
    """End and reap the helper; a forked copy of its owner leaves it alone."""
    if os.getpid() == owner:
        process.kill()
        process.wait()
    else:
        process.returncode = 0  # not our child: nothing to wait for
    control.close()
    for errand in errands:
        errand.close()


class HelperProcess:
    """Used by one thread at a time. `report` is what the processes that decode are shut in by.

    Raises SandboxFailed when it does not start.
    """

    report: Report

    def __init__(self, limits: Limits, *, seconds: float, layers: Collection[Layer] = ALL) -> None:
        ours, theirs = socket.socketpair()
        options = HelperOptions(MEMORY_BYTES, limits.max_bytes, seconds * FILES_PER_PROCESS, sorted(layers))
        with theirs:
            self._process = subprocess.Popen(
                command(options),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=started.environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C in a terminal is for its owner
            )
        self._control = ours
        self._errands: list[Errand] = []  # none or one, and the helper's even when it is forgotten
        self.stop = weakref.finalize(self, _stop, self._process, ours, self._errands, os.getpid())
        self._longest_reply = limits.max_pixels * 5 + PIPE_BYTES
        self._owner: str | None = None
        self._await_start()

    def _await_start(self) -> None:
        """Imports take a second and more; no file is blamed for them."""
        self._control.settimeout(START_SECONDS)
        try:
            self.report = Report.from_note(read_first(self._control))
            self._take()
        except _GONE as error:
            self.stop()
            raise SandboxFailed("the decoding helper did not start") from error
        self._control.settimeout(END_SECONDS)

    @property
    def fit(self) -> bool:
        return self.stop.alive and self._process.poll() is None

    def ask(self, note: dict[str, Any], data: bytes, seconds: float, *, owner: str | None) -> Message:
        """Raises ImageRefused when the file was too much for the process that was to decode it.

        A process sees the files of one owner only; without an owner, this one file.
        """
        errand = self._errand_for(owner)
        try:
            with errand.ended_after(seconds) as expired:
                message = errand.exchange(note, data, self._longest_reply)
            if owner is None or errand.uses >= FILES_PER_PROCESS:
                errand.end()
        except _GONE as error:
            logger.warning("a process that decoded a file was lost", exc_info=True)
            late = expired.is_set() or self._status_of(errand) == -signal.SIGXCPU
            raise (ImageRefused("too-slow", seconds=f"{seconds:g}") if late else ImageRefused(CRASHED)) from error
        except BaseException:  # interrupted between question and answer
            self.stop()
            raise
        return message

    def _errand_for(self, owner: str | None) -> Errand:
        """To a process that has seen no file of anybody else. Raises SandboxFailed."""
        try:
            errand = self._errands[0]
            if errand.uses and (errand.is_ended or owner is None or owner != self._owner):
                errand.end()
                self._take()
        except _GONE as error:
            self.stop()
            raise SandboxFailed("the decoding helper is gone") from error
        self._owner = owner
        return self._errands[0]

    def _take(self) -> int:
        """Wait for the next process. Returns the status of the last."""
        while self._errands:
            self._errands.pop().close()
        status, pipes = receive(self._control)
        self._errands.append(Errand(self._control, pipes))
        return status

    def _status_of(self, errand: Errand) -> int:
        """Of its process, which is ended; of the helper where that is gone itself."""
        try:
            errand.end()
            return self._take()
        except _GONE:
            logger.warning("the decoding helper was lost", exc_info=True)
            self.stop()
            return self._process.returncode or 0
