"""Each message gets one answer: AA once what it says is committed, AE with a sentence, AR where it is not for us."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, OperationalError, transaction
from django.utils import timezone, translation

from accounts.locale import in_time_zone_of
from audit.record import record
from audit.vocabulary import Action, Event, Outcome
from diagnosis.errors import Refusal
from diagnosis.messages import Message
from diagnosis.models import Patient
from orders.hl7 import bodies, people, requests
from orders.hl7.reading import Incoming, Unusable, WrongReceiver, head_of, read
from orders.models import Answer, MessageBody, Order, OrderSource, ReceivedMessage

log = logging.getLogger(__name__)
ORDERS = {"ORM^O01", "OMI^O23"}
PEOPLE = {"ADT^A01", "ADT^A04", "ADT^A05", "ADT^A08"}
MERGE = "ADT^A40"
TAKEN = frozenset({*ORDERS, *PEOPLE, MERGE})
ERRORS = {Answer.ERROR: "207", Answer.REJECTED: "200"}  # HL7 table 0357
ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": "\\.br\\", "\n": "\\.br\\"}


def answer(raw: bytes, *, source: OrderSource, address: str) -> bytes:
    """Do what the message says, and the acknowledgement of it. What was accepted before is answered as it was, and not
    done again. Raises DatabaseError where nothing can be kept: the sender then gets no answer, and sends it once more.
    A time without a zone is that of the clinic's clocks.
    """
    with in_time_zone_of(source.clinic):
        return _answer(raw, source, address)


def _answer(raw: bytes, source: OrderSource, address: str) -> bytes:
    try:
        message = read(raw)
    except Unusable as unusable:
        return _refuse(head_of(raw), source, address, Answer.REJECTED, unusable.reason)
    if earlier := _accepted(message, source):
        return earlier
    return _answered(message, source, address)


def _answered(message: Incoming, source: OrderSource, address: str) -> bytes:
    try:
        return _accept_in_time(message, source, address)
    except Unusable as unusable:
        code = Answer.REJECTED if isinstance(unusable, WrongReceiver) else Answer.ERROR
        return _refuse(message, source, address, code, unusable.reason)
    except (Refusal, ValidationError) as refused:
        return _refuse(message, source, address, Answer.ERROR, _said(refused))
    except Exception as error:  # one message that nobody foresaw must not hold up all those behind it
        # Of two that came at the same moment over two connections the constraint let one through; and where only the
        # entry of the audit trail failed, the message was accepted.
        if isinstance(error, DatabaseError) and (earlier := _accepted(message, source)):
            return earlier
        log.error("a message of ordering system %s failed: %s", source.pk, type(error).__name__)
        return _refuse(message, source, address, Answer.ERROR, Message("hl7", {"variant": "failed"}))


def _accept_in_time(message: Incoming, source: OrderSource, address: str) -> bytes:
    """Once more after a deadlock: nothing was done, and the next try may do it. A connection that was lost is lost for
    both; then nothing can be kept, and the sender tries again.
    """
    try:
        return _accept(message, source, address)
    except OperationalError:
        return _accepted(message, source) or _accept(message, source, address)


def _said(refused: Refusal | ValidationError) -> Message:
    """Without what the refusal says of the person: the row is kept for ever."""
    code = refused.code if isinstance(refused, Refusal) else "invalid"
    known = {"not_open", "other_patient", "merged"}
    return Message("hl7", {"variant": code if code in known else "invalid"})


def _accepted(message: Incoming, source: OrderSource) -> bytes | None:
    same = ReceivedMessage.objects.filter(source=source, control_id=message.control_id, sha256=message.sha256)
    found = same.filter(answer=Answer.ACCEPTED).first()
    return found.acknowledgement.encode(message.charset, "replace") if found else None


@transaction.atomic
def _accept(message: Incoming, source: OrderSource, address: str) -> bytes:
    if message.get("MSH", 5) != settings.MLLP_APPLICATION:
        raise WrongReceiver("receiver")
    patient, orders = _do(message, source)
    text = acknowledgement(message, Answer.ACCEPTED)
    _keep(message, source, address, Answer.ACCEPTED, text, patient=patient, orders=orders)
    return text.encode(message.charset, "replace")


def _do(message: Incoming, source: OrderSource) -> tuple[Patient, list[Order]]:
    if message.kind in ORDERS:
        return requests.take(message, source)
    if message.kind in PEOPLE:
        return people.keep_up(message, source), []
    if message.kind == MERGE:
        return people.propose_merge(message, source), []
    raise Unusable("kind", kind=message.kind)


def _refuse(message: Incoming, source: OrderSource, address: str, code: Answer, reason: Message) -> bytes:
    """A sender that tries the same again and again is answered each time, and written down once."""
    text = acknowledgement(message, code, reason)
    same = ReceivedMessage.objects.filter(source=source, control_id=message.control_id, sha256=message.sha256)
    try:
        with transaction.atomic():
            if not same.filter(reason_params=dict(reason.params)).exists():
                _keep(message, source, address, code, text, reason=reason)
                bodies.bound(source)
    except DataError:  # it cannot be written down either; unanswered, it would come for ever
        log.exception("a refused message of ordering system %s could not be kept", source.pk)
    return text.encode(message.charset, "replace")


def _keep(
    message: Incoming,
    source: OrderSource,
    address: str,
    code: Answer,
    text: str,
    *,
    reason: Message | None = None,
    patient: Patient | None = None,
    orders: Sequence[Order] = (),
) -> None:
    kept = ReceivedMessage.objects.create(
        clinic=source.clinic,
        source=source,
        control_id=message.control_id,
        kind=message.kind,
        sha256=message.sha256,
        answer=code,
        reason_code=reason.code if reason else "",
        reason_params=dict(reason.params) if reason else {},
        acknowledgement=text,
        address=address,
    )
    MessageBody.objects.create(message=kept, raw=message.raw, patient=patient).orders.set(orders)
    _tell(kept, patient, address)


def _tell(kept: ReceivedMessage, patient: Patient | None, address: str) -> None:
    whose: UUID | None = patient.pk if patient else None
    record(
        Event.IMPORT,
        Action.CREATE,
        outcome=Outcome.SUCCESS if kept.answer == Answer.ACCEPTED else Outcome.MINOR,
        person=kept.source.account_id,
        address=address,
        route=f"HL7 {kept.kind}",
        object_type=kept._meta.label_lower,
        object_id=str(kept.pk),
        patient=whose,
        detail={"answer": kept.answer},
    )


def acknowledgement(message: Incoming, code: Answer, reason: Message | None = None) -> str:
    """MSH, MSA and, where it is refused, ERR with the sentence in English."""
    get = message.get
    event, version = get("MSH", 9, 2), get("MSH", 12) or "2.5.1"
    head = [
        *("MSH", "^~\\&", escape(settings.MLLP_APPLICATION), escape(get("MSH", 6))),
        *(escape(get("MSH", 3)), escape(get("MSH", 4)), f"{timezone.localtime():%Y%m%d%H%M%S%z}", ""),
        *(f"ACK^{event}^ACK" if event else "ACK", uuid4().hex[:20], escape(get("MSH", 11)) or "P", escape(version)),
        *("", "", "", "", "", escape(get("MSH", 18))),
    ]
    segments = ["|".join(head), f"MSA|{code}|{escape(message.control_id)}"]
    if reason:
        with translation.override("en-gb"):
            said = escape(str(reason))
        segments.append(f"ERR|||{ERRORS[code]}^^HL70357|E||||{said}")
    return "\r".join(segments) + "\r"


def escape(text: str) -> str:
    """As a field may say it: the delimiters mean themselves."""
    return "".join(ESCAPES.get(one, one) for one in text.replace("\r\n", "\n"))
