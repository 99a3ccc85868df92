"""Frames of MLLP: a message between <VT> and <FS><CR>."""

from __future__ import annotations

import socket
import time

START, END = b"\x0b", b"\x1c\r"
READ_BYTES = 64 * 1024


class TooLarge(Exception):
    """A message of more bytes than are taken, or bytes that begin none."""


class Frames:
    """The messages of one connection, one after the other."""

    def __init__(self, connection: socket.socket, *, most_bytes: int, seconds: float) -> None:
        self._connection, self._most_bytes, self._seconds = connection, most_bytes, seconds
        self._rest = b""
        connection.settimeout(seconds)

    def next(self) -> bytes | None:
        """The next message, or None where the peer has closed. Raises TooLarge, and OSError where it is too slow."""
        began = time.monotonic()
        while END not in self._rest:
            if self._rest and time.monotonic() - began > self._seconds:
                raise TimeoutError("the peer sends too slowly")
            if len(self._rest) > self._most_bytes or not START.startswith(self._rest[:1]):
                raise TooLarge
            part = self._connection.recv(READ_BYTES)
            if not part:
                return None
            self._rest = (self._rest + part).lstrip(b"\r\n") if not self._rest else self._rest + part
        frame, _, self._rest = self._rest.partition(END)
        self._rest = self._rest.lstrip(b"\r\n")
        if not frame.startswith(START) or len(frame) > self._most_bytes:
            raise TooLarge
        return frame[1:]


def framed(message: bytes) -> bytes:
    return START + message + END
