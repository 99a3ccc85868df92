"""Ports for the servers that tests start."""

from __future__ import annotations

import socket

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
