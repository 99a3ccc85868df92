"""The process that gunicorn starts: waitress on gunicorn's listening socket, with threads for pages and for uploads."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from gunicorn.workers.base import Worker
from waitress import wasyncore

if TYPE_CHECKING:
    from portal.server.listener import Server

STEP_SECONDS = 1.0


class BufferingWorker(Worker):
    """Receives every request whole before a thread works on it, so that a slow sender costs a socket and no thread."""

    def run(self) -> None:
        # gunicorn reads this module before Django is set up.
        from portal.server.listener import listen

        self._channels: dict[int, Any] = {}
        self._servers: list[Server] = listen(self, self._channels)
        while self.alive and self.ppid == os.getppid():
            self.notify()
            wasyncore.poll2(STEP_SECONDS, self._channels)
        self._stop()

    def handle_exit(self, *signal: Any) -> None:
        super().handle_exit(*signal)
        for server in getattr(self, "_servers", ()):
            server.pull_trigger()

    def _stop(self) -> None:
        """Take nothing new, and finish what has arrived, for as long as gunicorn waits."""
        for server in self._servers:
            wasyncore.dispatcher.close(server)
        until = time.monotonic() + max(0, self.cfg.graceful_timeout - 1)
        while self._busy() and time.monotonic() < until:
            wasyncore.poll2(0.1, self._channels)
        for server in self._servers:
            server.end(max(0, until - time.monotonic()))

    def _busy(self) -> bool:
        channels = (channel for server in self._servers for channel in server.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)
