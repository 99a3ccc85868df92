"""pynetdicom's parts with limits: what a peer may say, for how long, and how much of it is kept meanwhile.

As they come they believe a peer: a PDU may state four gigabytes, a message may never end, a connection may be opened
and left alone, and a TLS handshake holds up everybody else's.
"""

from __future__ import annotations

import logging
import queue
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from pynetdicom import evt
from pynetdicom.acse import ACSE
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from network.budget import Budget
from network.models import RemoteEntity
from network.models.addresses import read_address
from network.peers import Call, Refused

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.pdu_primitives import P_DATA

log = logging.getLogger(__name__)

# An association request with every context and syntax there is is smaller.
LARGEST_PDU = 128 * 1024
# Beside the fragments of a data set: its fragments' heads, and the command.
COMMAND_BYTES = 64 * 1024
# From the first to the last fragment of one message.
MESSAGE_SECONDS = 300.0
# Complete messages that wait for their turn; a peer that keeps to its one operation at a time has no second one.
MOST_WAITING = 1
READ_BYTES = 256 * 1024


class House(Protocol):
    """What the parts ask: the listener."""

    seconds: float
    most_bytes: int
    budget: Budget

    def has_room(self, address: str, open_now: Sequence[str]) -> bool: ...

    def admit(self, call: Call) -> RemoteEntity | Refused: ...


class GuardedSocket(AssociationSocket):
    """Reads no more than a PDU may have, and waits no longer for it than `seconds`."""

    def __init__(self, assoc: Association, client_socket: socket.socket, *, seconds: float) -> None:
        super().__init__(assoc, client_socket=client_socket)
        self.seconds = seconds
        client_socket.settimeout(seconds)
        client_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def recv(self, nr_bytes: int) -> bytearray:
        if nr_bytes > LARGEST_PDU + COMMAND_BYTES:
            raise OSError("the peer announced a PDU that is larger than agreed")
        connection = cast(socket.socket, self.socket)
        deadline = time.monotonic() + self.seconds
        received = bytearray()
        while len(received) < nr_bytes:
            if time.monotonic() > deadline:
                raise TimeoutError("the peer sends too slowly")
            part = connection.recv(min(READ_BYTES, nr_bytes - len(received)))
            if not part:
                break
            received += part
        return received


class GuardedMessages(DIMSEServiceProvider):
    """Ends the association of a peer whose message has too many bytes, takes too long, or comes before its turn.

    And where the data sets of all associations together would take more memory than they may.
    """

    def __init__(
        self, assoc: Association, *, most_bytes: int, budget: Budget, most_waiting: int = MOST_WAITING
    ) -> None:
        super().__init__(assoc)
        self.most_waiting = most_waiting
        self.most_bytes = most_bytes + COMMAND_BYTES
        self._bytes, self._began = 0, 0.0
        self._budget, self._held = budget, 0
        self._aside: list[Any] = []
        self._awaits_answer = False

    def get_msg(self, block: bool = False) -> Any:
        """The next message. Where the peer began the association, whoever waits for one waits for an answer.

        A request that crosses our own on the way keeps its turn: pynetdicom would take it for the answer, and drop it.
        """
        if not block or self.assoc.is_requestor:  # which has requests of a C-GET to wait for
            return super().get_msg(block)
        until = time.monotonic() + (self.dimse_timeout or MESSAGE_SECONDS)
        self._awaits_answer = True
        try:
            while (found := self.msg_queue.get(timeout=max(0.0, until - time.monotonic())))[1] is not None:
                if found[1].MessageIDBeingRespondedTo is not None:
                    break
                self._aside.append(found)
            return found
        except queue.Empty:
            return None, None
        finally:
            with self.msg_queue.mutex:
                self.msg_queue.queue.extendleft(reversed(self._aside))
                self._aside, self._awaits_answer = [], False

    def receive_primitive(self, primitive: P_DATA) -> None:
        if self.message is None:
            self._bytes, self._began = 0, time.monotonic()
        self._bytes += sum(len(data) for _, data in primitive.presentation_data_value_list)
        if fault := self._fault() or self._lacks(_data_set_bytes(primitive)):
            log.warning("an association ends: %s", fault)
            self.message = None
            self.dul.event_queue.put("Evt19")  # as for a PDU that is invalid
            return
        super().receive_primitive(primitive)

    def done(self, size: int | None = None) -> None:
        """A data set of `size` bytes is not needed any more; left out, nothing of this association is."""
        size = self._held if size is None else min(size, self._held)
        self._held -= size
        self._budget.give_back(size)

    def _lacks(self, size: int) -> str:
        if not self._budget.take(size):
            return f"data sets of more than {self._budget.most} bytes at the same time"
        self._held += size
        return ""

    def _fault(self) -> str:
        if self._bytes > self.most_bytes:
            return f"a message of more than {self.most_bytes} bytes"
        if time.monotonic() - self._began > MESSAGE_SECONDS:
            return f"a message that took more than {MESSAGE_SECONDS:g} seconds"
        # Beside the answer, which is no message before its turn.
        if self.msg_queue.qsize() + len(self._aside) >= self.most_waiting + self._awaits_answer:
            return "messages before their turn"
        return ""


def _data_set_bytes(primitive: P_DATA) -> int:
    """Without its fragments of commands, and each fragment without its head (PS3.8 E.2: bit 0 says which it is)."""
    fragments = (data for _, data in primitive.presentation_data_value_list)
    return sum(len(data) - 1 for data in fragments if data and not data[0] & 1)


class Doorkeeper(ACSE):
    """Asks who is calling before anything is negotiated."""

    def __init__(self, assoc: Association, listener: House) -> None:
        super().__init__(assoc)
        self._listener = listener

    def _negotiate_as_acceptor(self) -> None:
        requested = cast(Any, self.requestor.primitive)
        call = Call(
            called=str(requested.called_ae_title).strip(),
            calling=str(requested.calling_ae_title).strip(),
            address=read_address(self.requestor.address),
        )
        found = self._listener.admit(call)
        if isinstance(found, Refused):
            self.requestor.ae_title = requested.calling_ae_title
            self.send_reject(*found.reason)
            evt.trigger(self.assoc, evt.EVT_REJECTED, {})
            self.assoc.kill()
            return
        cast(Any, self.assoc).entity = found
        super()._negotiate_as_acceptor()


class GuardedHandler(RequestHandler):
    def _create_association(self) -> Association:
        server = cast("GuardedServer", self.server)
        assoc = super()._create_association()
        assoc.dul.socket = None
        # The first one has announced the connection; a second announcement would be a fault of the state machine.
        assoc.dul.event_queue.get_nowait()
        connection = cast(socket.socket, self.request)
        assoc.set_socket(GuardedSocket(assoc, connection, seconds=server.listener.seconds))
        assoc.acse = Doorkeeper(assoc, server.listener)
        assoc.dimse = GuardedMessages(assoc, most_bytes=server.listener.most_bytes, budget=server.listener.budget)
        return assoc


class GuardedServer(ThreadedAssociationServer):
    """Accepts a connection only where there is room for it, and shakes hands where nobody else waits for that."""

    listener: House
    request_queue_size = 32

    def __init__(self, *args: Any, **options: Any) -> None:
        # Connections that are no association yet, by address: they are as many threads.
        self._entering: list[str] = []
        self._lock = threading.Lock()
        super().__init__(*args, **options)

    def get_request(self) -> tuple[socket.socket, Any]:
        assert self.socket
        connection, address = self.socket.accept()
        if self.ssl_context:
            connection.settimeout(self.listener.seconds)
            connection = self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        address = str(client_address[0])
        with self._lock:
            open_now = [*self._entering, *(assoc.requestor.address for assoc in self.active_associations)]
        if not self.listener.has_room(address, open_now):
            return False
        with self._lock:
            self._entering.append(address)
        return True

    def process_request(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._entered(client_address)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            if isinstance(request, ssl.SSLSocket):
                request.do_handshake()
        except OSError as error:
            log.info("a TLS handshake failed: %s", type(error).__name__)
            self.shutdown_request(request)
        else:
            super().process_request_thread(request, client_address)
        finally:
            self._entered(client_address)

    def _entered(self, client_address: Any) -> None:
        """It has failed, or is an association now and counted as one."""
        with self._lock:
            self._entering.remove(str(client_address[0]))

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.exception("a connection failed")  # noqa: LOG004  called by socketserver where it has caught one
