"""The listener for HL7 messages: lets in whom it knows by address, and answers one message after the other."""

from __future__ import annotations

import logging
import socket
import socketserver
import ssl
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from django.db import Error, close_old_connections, connections

from audit.record import record
from audit.vocabulary import Action, Event, Outcome
from network.models.addresses import read_address
from network.rates import Rate
from orders.hl7 import answering
from orders.hl7.mllp import Frames, TooLarge, framed
from orders.models import OrderSource

log = logging.getLogger(__name__)
# Entries of the audit trail for the same stranger: one a minute, so that nobody fills the trail from outside.
ENTRIES_A_MINUTE = 1
# Connections of one address, of which a sender needs one.
MOST_OF_ONE = 4


@dataclass(frozen=True)
class Door:
    """Where the listener listens, and its limits. `seconds`: how long a peer may be silent, or take for a message."""

    host: str
    port: int
    connections: int
    most_bytes: int
    a_minute: int
    seconds: float
    certificate: str = ""
    key: str = ""


def source_at(address: str) -> OrderSource | None:
    """The system that sends from there. Two would be a guess, and none is let in."""
    at = read_address(address)
    known = OrderSource.objects.active().exclude(networks="").select_related("clinic", "account")
    found = [source for source in known if source.sends_from(at)]
    return found[0] if len(found) == 1 else None


class Listener:
    def __init__(self, door: Door) -> None:
        self.door = door
        self.messages, self._entries = Rate(door.a_minute), Rate(ENTRIES_A_MINUTE)
        self.tls = _tls(door)
        self._server: Server | None = None

    def start(self) -> None:
        """Listen from now on, in threads. Raises OSError where the address cannot be used."""
        self._server = Server(self)
        threading.Thread(target=self._server.serve_forever, name="hl7 listener", daemon=True).start()

    @property
    def port(self) -> int:
        assert self._server
        return int(self._server.server_address[1])

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def admit(self, address: str) -> OrderSource | None:
        """Who calls, or None; a stranger is told to log and audit trail."""
        close_old_connections()
        try:
            if found := source_at(address):
                return found
            if self._entries.allows(address):
                log.warning("a connection from %s was refused: no ordering system is known there", address)
                record(
                    Event.SECURITY,
                    Action.EXECUTE,
                    outcome=Outcome.MINOR,
                    address=address,
                    route="HL7 MLLP",
                    detail={"reason": "no ordering system at this address"},
                )
        except Error:
            log.exception("the database could not be asked who calls")
        return None

    def answer(self, raw: bytes, address: str) -> bytes | None:
        """The acknowledgement, or None where nothing can be answered now: the sender keeps the message.

        Who may send is asked again each time: a connection may be open for days after a system was switched off.
        """
        source = self.admit(address)
        if source is None or not self.messages.allows(source.pk):
            return None
        try:
            return answering.answer(raw, source=source, address=address)
        except Error:
            log.exception("a message was not taken")
        except Exception:
            log.exception("a message could not be worked on")
        return None


class Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        listener = cast(Server, self.server).listener
        connection = cast(socket.socket, self.request)
        address = str(read_address(self.client_address[0]))
        try:
            connection.settimeout(listener.door.seconds)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if listener.tls:
                connection = listener.tls.wrap_socket(connection, server_side=True)
            frames = Frames(connection, most_bytes=listener.door.most_bytes, seconds=listener.door.seconds)
            while (raw := frames.next()) is not None:
                said = listener.answer(raw, address)
                if said is None:
                    return
                connection.sendall(framed(said))
        except TooLarge:
            log.warning("a connection from %s ends: no message, or one that is too large", address)
        except OSError as error:
            log.info("a connection from %s ended: %s", address, type(error).__name__)
        finally:
            connection.close()
            connections.close_all()


class Server(socketserver.ThreadingTCPServer):
    """Takes a connection only from an address that is known, and only where there is room for it."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()
        if ":" in listener.door.host:
            self.address_family = socket.AF_INET6
        super().__init__((listener.door.host, listener.door.port), Handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        address = str(client_address[0])
        with self._lock:
            if self._open.total() >= self.listener.door.connections or self._open[address] >= MOST_OF_ONE:
                log.warning("a connection from %s was refused: too many are open", address)
                return False
        if self.listener.admit(str(read_address(address))) is None:
            return False
        with self._lock:
            self._open[address] += 1
        return True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open[str(client_address[0])] -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.exception("a connection failed")  # noqa: LOG004  called by socketserver where it has caught one


def _tls(door: Door) -> ssl.SSLContext | None:
    if not door.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(Path(door.certificate), Path(door.key) if door.key else None)
    return context
