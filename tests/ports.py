"""Ports for the servers that tests start."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

READY_SECONDS = 180
_HELD: list[socket.socket] = []


def own_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, and that nobody else is given while this process lives.

    It stays bound, by a socket that does not listen. A server that is told its number binds it all the same, because
    servers set SO_REUSEADDR; whoever asks the kernel for any port, or calls somebody, gets another one. A port that is
    chosen and freed before its server starts may be somebody else's by then.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _HELD.append(holder)
    return int(holder.getsockname()[1])


def is_served(port: int, *, alive: Callable[[], bool]) -> bool:
    """Whether somebody listens on this port of 127.0.0.1 within READY_SECONDS, as long as its server is `alive`."""
    deadline = time.monotonic() + READY_SECONDS
    while alive() and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False
