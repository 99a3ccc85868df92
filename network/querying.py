"""Our side of query and retrieve with an archive (PS3.4 annex C): study root C-FIND, C-GET and C-MOVE.

What an archive sends on the association of a C-GET is a data set from outside like any other: its size is limited, its
bytes are not opened here, and its receipt is acknowledged once they are kept.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, _config, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.presentation import PresentationContext
from pynetdicom.status import code_to_category

from network import classes, encryption
from network.budget import Budget
from network.guarded import GuardedMessages
from network.models import RemoteEntity
from network.models.addresses import read_address
from network.storing import Instance, OutOfResources

log = logging.getLogger(__name__)
# Its lines about each message would name patients.
_config.LOG_HANDLER_LEVEL = "none"
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)

# Study Root Query/Retrieve Information Model: PS3.4 C.6.2.
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
PREAMBLE = b"\0" * 128 + b"DICM"
PENDING = (0xFF00, 0xFF01)
MOST_ANSWERS = 1000
# A data set that waits for its turn, and the answer to the whole request, which may overtake it.
MOST_WAITING = 2
# Of answers to C-STORE: PS3.4 B.2.3.
STORED, CLASS_NOT_SUPPORTED, NO_ROOM, CANNOT_UNDERSTAND = 0x0000, 0x0122, 0xA700, 0xC000
# Of answers to C-GET and C-MOVE, PS3.4 C.4.2 and C.4.3: out of resources, and no such destination.
BUSY = (0xA700, 0xA701, 0xA702)
UNKNOWN_DESTINATION = 0xA801

KEYS = (
    *("PatientName", "PatientBirthDate", "IssuerOfPatientID", "StudyInstanceUID", "StudyDescription"),
    *("ModalitiesInStudy", "NumberOfStudyRelatedInstances"),
)

NOBODY = gettext_noop("Nobody answers there.")
REJECTED = gettext_noop("The archive does not let this portal in.")
NO_FIND = gettext_noop("The archive does not offer C-FIND of the Study Root information model.")
NO_GET = gettext_noop("The archive does not offer C-GET. Have it asked by C-MOVE instead.")
NO_MOVE = gettext_noop("The archive does not offer C-MOVE. Have it asked by C-GET instead.")
NO_ANSWER = gettext_noop("The archive did not answer the question to its end.")
TOO_MANY = gettext_noop("The archive names too many studies for one patient.")
CUT_OFF = gettext_noop("The archive ended the association in the middle.")
BUSY_NOW = gettext_noop("The archive cannot send it at the moment.")
NOT_KEPT = gettext_noop("The portal could not keep what the archive sent: disk or database failed.")
NO_DESTINATION = gettext_noop("The archive does not know where to send to: it has no entry for the portal’s AE title.")
UNWILLING = gettext_noop("The archive refuses to send it.")


class NotRetrieved(Exception):
    """The reason is a sentence that is marked with gettext_noop, and names nobody."""


class Refused(NotRetrieved):
    """It ends here, until a person asks once more."""


class TryAgain(NotRetrieved):
    """Not now."""


class Unreachable(TryAgain):
    """Nobody answers there: nothing else is asked of this archive for a while."""


@dataclass(frozen=True)
class Sent:
    """How many objects of a study came, and how many the archive could not send."""

    completed: int
    failed: int


def find(entity: RemoteEntity, number: str, *, before: date) -> list[Dataset]:
    """What the archive names of the studies of `number` that were made before that day. Raises NotRetrieved."""
    with _association(entity, [build_context(FIND)]) as link:
        _require(link, FIND, NO_FIND)
        found = []
        for status, answer in link.send_c_find(question(number, before=before), UID(FIND)):
            if "Status" not in status or status.Status not in (*PENDING, 0x0000):
                raise TryAgain(NO_ANSWER)
            if status.Status in PENDING and answer is not None:
                found.append(answer)
            if len(found) > MOST_ANSWERS:
                link.abort()
                raise Refused(TOO_MANY)
        return found


def question(number: str, *, before: date) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    asked.PatientID = number
    asked.StudyDate = f"-{before - timedelta(days=1):%Y%m%d}"
    for name in KEYS:
        setattr(asked, name, "")
    return asked


def get(entity: RemoteEntity, uid: str, *, keep: Callable[[Instance], None], beat: Callable[[], None]) -> Sent:
    """Have one study sent on this association (C-GET). `keep` stores an instance; `beat` is called after each.

    Raises NotRetrieved.
    """
    receiver = _Receiver(keep, beat)
    contexts = [build_context(GET), *_storage()]
    roles = [build_role(one, scp_role=True) for one in sorted(classes.SHOWN)]
    handlers = [(evt.EVT_C_STORE, receiver.answer)]
    with _association(entity, contexts, ext_neg=roles, evt_handlers=handlers) as link:
        _require(link, GET, NO_GET)
        link.dimse = GuardedMessages(
            link,
            most_bytes=settings.UPLOAD_MAX_BYTES,
            budget=Budget(2 * settings.UPLOAD_MAX_BYTES),
            most_waiting=MOST_WAITING,
        )
        sent = _ended(link.send_c_get(_wanted(uid), UID(GET)), beat)
    if receiver.kept_all:
        return sent
    raise TryAgain(NOT_KEPT)


def move(entity: RemoteEntity, uid: str, *, message_id: int, beat: Callable[[], None]) -> Sent:
    """Have one study sent to the listener (C-MOVE). Raises NotRetrieved."""
    with _association(entity, [build_context(MOVE)]) as link:
        _require(link, MOVE, NO_MOVE)
        answers = link.send_c_move(_wanted(uid), settings.DICOM_AE_TITLE, UID(MOVE), msg_id=message_id)
        return _ended(answers, beat)


def _wanted(uid: str) -> Dataset:
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", uid
    return asked


def _ended(answers: Iterator[tuple[Dataset, Dataset | None]], beat: Callable[[], None]) -> Sent:
    """Follow a retrieval to its end."""
    last, completed, failed = Dataset(), 0, 0
    for last, _list in answers:
        beat()
        taken = (last.get(f"NumberOf{one}Suboperations") or 0 for one in ("Completed", "Warning"))
        completed = max(completed, sum(map(int, taken)))
        failed = max(failed, int(last.get("NumberOfFailedSuboperations") or 0))
    if "Status" not in last or last.Status in PENDING:
        raise TryAgain(CUT_OFF)
    if last.Status in BUSY:
        raise TryAgain(BUSY_NOW)
    if last.Status == UNKNOWN_DESTINATION:
        raise Refused(NO_DESTINATION)
    if code_to_category(last.Status) not in ("Success", "Warning"):
        raise Refused(f"{UNWILLING}\n0x{last.Status:04X}")
    return Sent(completed, failed)


class _Receiver:
    """Answers C-STORE on the association that asked."""

    def __init__(self, keep: Callable[[Instance], None], beat: Callable[[], None]) -> None:
        self._keep, self._beat = keep, beat
        self.kept_all = True

    def answer(self, event: Any) -> int:
        size = len(event.request.DataSet.getbuffer())
        try:
            return self._stored(event)
        finally:
            event.assoc.dimse.done(size)
            self._beat()

    def _stored(self, event: Any) -> int:
        request = event.request
        uids = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        if not all(classes.UID.fullmatch(uid) for uid in uids):
            return CANNOT_UNDERSTAND
        if uids[0] not in classes.SHOWN:
            return CLASS_NOT_SUPPORTED
        instance = Instance(
            sop_class_uid=uids[0],
            sop_instance_uid=uids[1],
            transfer_syntax_uid=str(event.context.transfer_syntax),
            head=PREAMBLE + encode_file_meta(event.file_meta),
            dataset=request.DataSet.getbuffer(),  # no copy of it
            address=_address_of(event.assoc),
        )
        try:
            self._keep(instance)
        except OutOfResources as error:
            log.error("an instance of a prior was not kept: %s", error)
            self.kept_all = False
            return NO_ROOM
        return STORED


def _address_of(link: Association) -> str:
    connection = link.dul.socket
    assert connection is not None
    assert connection.socket is not None
    return str(read_address(connection.socket.getpeername()[0]))


def _storage() -> list[PresentationContext]:
    """One for each encoding, so that the archive sends an image as it has it."""
    return [build_context(one, syntax) for one in sorted(classes.SHOWN) for syntax in classes.TRANSFER_SYNTAXES]


@contextmanager
def _association(entity: RemoteEntity, contexts: list[PresentationContext], **more: Any) -> Iterator[Association]:
    ae = AE(settings.DICOM_AE_TITLE)
    seconds = settings.DICOM_TIMEOUT_SECONDS
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = seconds
    tls = (encryption.context(), entity.query_host) if entity.query_tls else None
    assert entity.query_port
    try:
        link = ae.associate(entity.query_host, entity.query_port, contexts, ae_title=entity.title, tls_args=tls, **more)
    except OSError as error:
        raise Unreachable(NOBODY) from error
    if not link.is_established:
        raise Unreachable(_why_not(link))
    try:
        yield link
    finally:
        if link.is_established:
            link.release()


def _why_not(link: Association) -> str:
    if link.is_rejected and (answer := link.acceptor.primitive):
        return f"{REJECTED}\n{answer.reason_str}"
    return REJECTED if link.is_aborted and link.acceptor.primitive else NOBODY


def _require(link: Association, model: str, reason: str) -> None:
    if model not in {str(context.abstract_syntax) for context in link.accepted_contexts}:
        raise Refused(reason)
