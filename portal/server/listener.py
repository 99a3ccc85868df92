"""One listening socket of a process: waitress's server, its adjustments, and what it does every second."""

from __future__ import annotations

import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from diagnosis.scans import incoming
from portal.server import patience
from portal.server.channel import Channel
from portal.server.door import Door
from portal.server.lanes import Lanes

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

if TYPE_CHECKING:
    from portal.server.request import BoundedRequest
    from portal.server.worker import BufferingWorker

# Each is a socket, and a file where its body or its answer is long.
CONNECTIONS = 4000
FILES_EACH = 2
# Descriptors for everything else: files, database, helpers.
OTHER_FILES = 200


def listen(worker: BufferingWorker, channels: dict[int, Any]) -> list[Server]:
    """A server for each of the worker's sockets; with `channels`, waitress's map, they are polled."""
    # Large bodies wait on the disk of the scans: the system's own folder is often a part of memory.
    tempfile.tempdir = str(incoming.folder())
    door, lanes = Door(), Lanes(pages=worker.cfg.threads, uploads=settings.UPLOAD_THREADS)
    parts = {
        "map": channels,
        "dispatcher": lanes,
        "adj": adjustments((_raise_open_files() - OTHER_FILES) // FILES_EACH),
    }
    return [Server(worker, listener.sock, door, **parts) for listener in worker.sockets]


def without_body_for_head(application: Application) -> Application:
    """Django leaves the body of an answer to HEAD to the server, and waitress sends what it is given."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if hasattr(body, "close"):
            body.close()
        return []

    return answer


# Links that set a password, whose secret is part of the path.
SECRET = re.compile(r"(/accounts/(?:invitation|password/reset/key)/)[^/]+")


class Server(TcpWSGIServer):
    """One listening socket of a process."""

    channel_class = Channel

    def __init__(self, worker: BufferingWorker, listener: Any, door: Door, **parts: Any) -> None:
        self.worker = worker
        self.door = door
        super().__init__(
            without_body_for_head(worker.wsgi),
            _sock=listener,
            bind_socket=False,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            **parts,
        )

    def end(self, seconds: float) -> None:
        """Let the threads go, after at most so long for each lane."""
        self.door.close()
        self.task_dispatcher.shutdown(timeout=seconds)

    def log_access(self, *line: Any) -> None:
        answer, request, environ, seconds = line
        environ = environ | {"PATH_INFO": SECRET.sub(r"\1-", environ["PATH_INFO"])}
        self.worker.log.access(answer, request, environ, timedelta(seconds=seconds))

    def maintenance(self, now: float) -> None:
        """Every second: close what is idle or too slow, and answer whoever waits for a refusal."""
        for channel in self.active_channels.values():
            if channel.request is not None and channel.request.asks:
                channel.last_activity = now  # the portal is what takes long
        super().maintenance(now)
        for channel in patience.superfluous(self.active_channels.values(), most=self.adj.connection_limit):
            channel.will_close = True
        for channel in list(self.active_channels.values()):
            # What follows a request that is still worked on waits with it.
            if channel.request is not None and not channel.requests:
                self._hurry(channel, channel.request, now)

    def _hurry(self, channel: Channel, request: BoundedRequest, now: float) -> None:
        if request.unwanted and channel.last_activity < now - patience.REST_SECONDS:
            channel.end_unwanted()
        elif patience.too_slow(request, time.monotonic()):
            channel.will_close = True


def adjustments(connections: int) -> Adjustments:
    return Adjustments(
        connection_limit=connections,
        # Idle between two requests.
        channel_timeout=30,
        cleanup_interval=1,
        # The parser has a bound for each address, and none of them is this one.
        max_request_body_size=2**62,
        max_request_header_size=32 * 1024,
        recv_bytes=64 * 1024,
        # A line of an archive's answer is sent when it is written.
        send_bytes=1,
        # An answer beyond this goes to the disk, and its thread is free whatever the reader's line.
        outbuf_high_watermark=2**40,
        # Django believes what ALLAUTH_TRUSTED_PROXY_COUNT and HTTPS say, and nothing else.
        clear_untrusted_proxy_headers=False,
        asyncore_use_poll=True,
        ident=None,
    )


def _raise_open_files() -> int:
    """As many descriptors as this account may have; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_EACH * CONNECTIONS + OTHER_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return most
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most
