"""The listener: lets in whom it knows, keeps what they send, and opens none of it."""

from __future__ import annotations

import logging
import re
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import Error, close_old_connections, connections
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dsutils import encode_file_meta

from audit.record import record
from audit.vocabulary import Action, Event, Outcome
from network import classes, commitment, peers
from network.budget import Budget
from network.guarded import LARGEST_PDU, GuardedHandler, GuardedMessages, GuardedServer
from network.models import PriorRetrieval, RemoteEntity
from network.models.addresses import read_address
from network.peers import Call, Refused
from network.rates import Rate
from network.storing import Instance, OutOfResources, store

log = logging.getLogger(__name__)
# Its lines about each message would name instances, and cost more than to store one.
_config.LOG_HANDLER_LEVEL = "none"
# And what a peer says of itself would stand in the log as it says it.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

SUCCESS = 0x0000
NOT_AUTHORISED = 0x0124
OUT_OF_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000
# Until a worker calls back instead: less than commitment.SAME_ASSOCIATION.
REPORT_SECONDS, REPORT_PAUSE = 10.0, 0.5
PREAMBLE = b"\0" * 128 + b"DICM"
# Connections from addresses at which nobody is known, at the same time: enough to be told no.
STRANGERS = 4
# Entries of the audit trail for the same refusal: one a minute, so that nobody fills the trail from outside.
ENTRIES_A_MINUTE = 1
ENDS = (evt.EVT_CONN_CLOSE, evt.EVT_RELEASED, evt.EVT_ABORTED, evt.EVT_REJECTED)


@dataclass(frozen=True)
class Door:
    """Where the listener listens, and its limits.

    `seconds`: how long a peer may be silent. `held_bytes`: of the data sets of all associations that are on their way.
    """

    host: str
    port: int
    title: str
    associations: int
    most_bytes: int
    a_minute: int
    seconds: float
    certificate: str = ""
    key: str = ""
    held_bytes: int = 512 * 1024 * 1024


class Listener:
    """`arrived` is called after each instance that was stored; it must not take long."""

    def __init__(self, door: Door, *, arrived: Callable[[], None]) -> None:
        self.door = door
        self.seconds, self.most_bytes = door.seconds, door.most_bytes
        self.budget = Budget(max(door.held_bytes, door.most_bytes))
        self._arrived = arrived
        self._instances = Rate(door.a_minute)
        self._entries = Rate(ENTRIES_A_MINUTE)
        self._server: GuardedServer | None = None

    def start(self) -> None:
        """Listen from now on, in threads. Raises OSError where address or certificate cannot be used."""
        entity = AE(ae_title=self.door.title)
        entity.maximum_pdu_size = LARGEST_PDU
        entity.maximum_associations = self.door.associations + STRANGERS
        entity.acse_timeout = entity.network_timeout = entity.dimse_timeout = self.door.seconds
        for uid in (*classes.STORAGE, classes.VERIFICATION):
            entity.add_supported_context(uid, list(classes.TRANSFER_SYNTAXES))
        entity.add_supported_context(classes.COMMITMENT, list(classes.COMMITMENT_SYNTAXES))
        self._server = GuardedServer(
            entity,
            (self.door.host, self.door.port),
            self.door.title,
            entity.supported_contexts,
            ssl_context=_tls(self.door),
            evt_handlers=[
                (evt.EVT_C_STORE, self._answer),
                (evt.EVT_N_ACTION, self._promise),
                *((event, _let_go) for event in ENDS),
            ],
            request_handler=GuardedHandler,
        )
        self._server.listener = self
        entity._servers.append(self._server)
        threading.Thread(target=self._server.serve_forever, name="listener", daemon=True).start()

    @property
    def port(self) -> int:
        assert self._server
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Let nobody in any more, and end the associations."""
        server, self._server = self._server, None
        if server:
            for association in server.active_associations:
                _end(association)
            server.shutdown()

    def has_room(self, address: str, open_now: Sequence[str]) -> bool:
        """Whether one more connection from `address` is taken, while those from `open_now` are there."""
        try:
            known = peers.Known()
            if known.includes(address):
                return len(open_now) < 2 * (self.door.associations + STRANGERS)  # from the half on, told so by DICOM
            return sum(not known.includes(other) for other in open_now) < STRANGERS
        except Error:
            log.exception("the database could not be asked who calls")
            return len(open_now) < STRANGERS
        finally:
            close_old_connections()

    def admit(self, call: Call) -> RemoteEntity | Refused:
        """Who calls, or why the association is rejected; a rejection is told to log and audit trail."""
        close_old_connections()
        try:
            found = peers.find(call, own_title=self.door.title)
        except Error:
            log.exception("the database could not be asked who calls")
            return Refused.UNAVAILABLE
        if isinstance(found, Refused):
            self._tell(call, found)
        return found

    def _tell(self, call: Call, refused: Refused) -> None:
        """Titles are what a peer says of itself: short, printable, and of no patient."""
        title = re.sub(r"[^\x21-\x7e ]", "?", call.calling)[:16]
        if not self._entries.allows((call.address, refused)):
            return
        log.warning("an association of %s at %s was rejected: %s", title, call.address, refused.words)
        try:
            record(
                Event.SECURITY,
                Action.EXECUTE,
                outcome=Outcome.MINOR,
                address=str(call.address),
                route="DICOM A-ASSOCIATE",
                detail={"calling": title, "reason": refused.words},
            )
        except Error:
            log.exception("no entry in the audit trail of a rejected association")

    def _answer(self, event: Any) -> int:
        size = len(event.request.DataSet.getbuffer())
        try:
            return self._stored(event)
        finally:
            event.assoc.dimse.done(size)

    def _stored(self, event: Any) -> int:
        """The status that answers a C-STORE request: Success once its bytes are on the disk, and never before."""
        entity: RemoteEntity = event.assoc.entity
        request = event.request
        uids = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        if not all(classes.UID.fullmatch(uid) for uid in uids):
            return CANNOT_UNDERSTAND
        close_old_connections()
        address = read_address(event.assoc.requestor.address)
        try:
            if not peers.may_still_send(entity, address):
                log.warning("%s may not send any more", entity.title)
                return NOT_AUTHORISED
        except Error:
            log.exception("the database could not be asked whether %s may still send", entity.title)
            return OUT_OF_RESOURCES
        if not self._instances.allows(entity.pk):
            log.warning("%s sends more than %d instances a minute", entity.title, self.door.a_minute)
            return OUT_OF_RESOURCES
        instance = Instance(
            sop_class_uid=uids[0],
            sop_instance_uid=uids[1],
            transfer_syntax_uid=str(event.context.transfer_syntax),
            head=PREAMBLE + encode_file_meta(event.file_meta),
            dataset=request.DataSet.getbuffer(),  # no copy of it
            address=str(address),
        )
        try:
            store(instance, entity=entity, retrieval=self._asked_for(entity, request))
        except (OutOfResources, Error) as error:
            log.error("an instance from %s was not taken: %s", entity.title, error)
            return OUT_OF_RESOURCES
        self._arrived()
        return SUCCESS

    def _asked_for(self, entity: RemoteEntity, request: Any) -> PriorRetrieval | None:
        """For which of our C-MOVE requests it comes; None where the sender sends by itself, or moves for others."""
        title = str(request.MoveOriginatorApplicationEntityTitle or "").strip()
        number = request.MoveOriginatorMessageID
        if title != self.door.title or number is None:
            return None
        return PriorRetrieval.objects.moved_for(entity.clinic, int(number))

    def _promise(self, event: Any) -> tuple[int, None]:
        """The status that answers N-ACTION: that the question is kept. What comes of it is reported afterwards."""
        given = event.request.ActionInformation
        size = len(given.getbuffer()) if given else 0
        try:
            return self._asked(event, size), None
        finally:
            event.assoc.dimse.done(size)

    def _asked(self, event: Any, size: int) -> int:
        entity: RemoteEntity = event.assoc.entity
        close_old_connections()
        address = read_address(event.assoc.requestor.address)
        try:
            if not peers.may_still_send(entity, address):
                return NOT_AUTHORISED
            if not self._instances.allows(entity.pk):
                return commitment.Status.RESOURCES
            asked = commitment.read(
                event.action_type,
                str(event.request.RequestedSOPInstanceUID),
                size,
                lambda: event.action_information,
            )
            kept = commitment.keep(asked, entity=entity, address=str(address))
        except commitment.BadRequest as error:
            return error.status
        except Error:
            log.exception("a request of %s for storage commitment could not be kept", entity.title)
            return commitment.Status.PROCESSING
        threading.Thread(target=_report, args=(event.assoc, kept.pk), name="commitment", daemon=True).start()
        return SUCCESS


def _report(assoc: Any, pk: int) -> None:
    """On the association that asked, while it lasts. It has one such thread: a second request waits for a worker."""
    if getattr(assoc, "is_reporting", False):
        return
    assoc.is_reporting = True
    until = time.monotonic() + REPORT_SECONDS
    try:
        while assoc.is_established and time.monotonic() < until and not commitment.report(pk, assoc):
            time.sleep(REPORT_PAUSE)
    except Error:
        log.exception("a storage commitment could not be reported")
    finally:
        assoc.is_reporting = False
        connections.close_all()


def _end(association: Association) -> None:
    """At once. One that is not established may be on its way out, and then knows no abort any more."""
    if association.is_established:
        association.abort()
    elif association.dul.socket:
        association.dul.socket.close()


def _let_go(event: Any) -> None:
    """The thread of an association ends soon, and with it its connection to the database and what it holds."""
    if isinstance(event.assoc.dimse, GuardedMessages):
        event.assoc.dimse.done()
    connections.close_all()


def _tls(door: Door) -> ssl.SSLContext | None:
    if not door.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(Path(door.certificate), Path(door.key) if door.key else None)
    return context
