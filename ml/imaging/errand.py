"""A file's way into a process that is shut in, and back, as the caller and the helper agree on it.

The helper keeps one process ready, shut in and waiting, and hands the caller TOLD with the two pipes to it. The caller
uses them for the files of one owner and says END when there are no more, or when it has waited for long enough; the
helper ends the process, and hands over the next one with the status of the last. What such a process says is believed
in nothing.
"""

import fcntl
import os
import socket
import struct
import threading
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import IO, Any, cast

from ml.confinement.process import ended_after
from ml.confinement.wire import Message, read_message, write_message

# Of the last process: the exit status, negative for the signal that ended it.
TOLD = struct.Struct("<i")
END = b"e"
PIPE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HelperOptions:
    """What a helper is started with; `layers` names some of ml.confinement.Layer, `seconds` is a process's time."""

    memory_bytes: int
    most_bytes: int
    seconds: float
    layers: list[str]


class Errand:
    """The caller's side of one process."""

    def __init__(self, control: socket.socket, pipes: list[int]) -> None:
        self._control = control
        self._ended = threading.Lock()
        self.uses = 0
        widen(*pipes)
        self._outgoing, self._incoming = os.fdopen(pipes[0], "wb"), os.fdopen(pipes[1], "rb")

    def exchange(self, note: dict[str, Any], data: bytes, most_bytes: int) -> Message:
        """Raises EOFError, OSError or ValueError for what is no answer."""
        self.uses += 1
        write_message(self._outgoing, note, data)
        return read_message(self._incoming, most_bytes)

    def ended_after(self, seconds: float) -> AbstractContextManager[threading.Event]:
        """Its process is killed should the block take longer; the event says whether it was."""
        return ended_after(seconds, self._end_quietly)

    def end(self) -> None:
        """Have the process killed. Whoever comes first says it, and nobody a second time."""
        if self._ended.acquire(blocking=False):
            self._control.sendall(END)

    def _end_quietly(self) -> None:
        with suppress(OSError):
            self.end()

    @property
    def is_ended(self) -> bool:
        return self._ended.locked()

    def close(self) -> None:
        for pipe in (self._outgoing, self._incoming):
            with suppress(OSError):
                pipe.close()


def widen(*pipes: int) -> None:
    """Larger pipes mean fewer switches between the processes; Linux only."""
    for pipe in pipes:
        with suppress(AttributeError, OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def read_first(control: socket.socket) -> dict[str, Any]:
    """What a helper says when it has started. Raises EOFError, OSError or ValueError."""
    with control.makefile("rb", buffering=0) as stream:  # nothing after it may be read with it
        return read_message(cast(IO[bytes], stream), PIPE_BYTES)[0]


def receive(control: socket.socket) -> tuple[int, list[int]]:
    """The status of the last process and the pipes to the next one. Raises EOFError or OSError."""
    told, pipes, _, _ = socket.recv_fds(control, TOLD.size, 2)
    if len(told) != TOLD.size or len(pipes) != 2:
        raise EOFError("the helper is gone")
    return int(TOLD.unpack(told)[0]), pipes
