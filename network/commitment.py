"""Storage commitment, push model (PS3.4 annex J): a promise that instances are kept; a sender may delete its own.

A promise is made of what a worker or a person has decided to keep. What is still in the line, or waits for a person,
may be turned away and its bytes deleted one day: for that the report waits, and after `LONGEST` says that it failed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pynetdicom import AE, build_role
from pynetdicom.association import Association

from network import classes, encryption, spool
from network.models import CommitmentRequest, CommitmentStatus, InstanceStatus, ReceivedInstance, RemoteEntity

log = logging.getLogger(__name__)

REQUEST = 1
COMMITTED, SOME_FAILED = 1, 2
# A series of ten thousand slices, each with two UIDs of 64 letters, is smaller.
MOST_BYTES = 4 * 1024 * 1024
MOST_INSTANCES = 10_000
# The association on which it was asked has this long to hear of it; then a worker calls back.
SAME_ASSOCIATION = timedelta(seconds=15)
HOLD = timedelta(seconds=90)
# How long a report waits for a person, or for the peer to answer.
LONGEST = timedelta(days=2)
FORGOTTEN = timedelta(days=90)
PEER_SECONDS = 20.0


class Status(IntEnum):
    """Of the answer to N-ACTION: PS3.7 annex C."""

    SUCCESS = 0x0000
    PROCESSING = 0x0110
    INVALID_ARGUMENT = 0x0115
    NO_SUCH_ACTION = 0x0123
    DUPLICATE_TRANSACTION = 0x0131
    RESOURCES = 0x0213


class Reason(IntEnum):
    """Failure Reason (0008,1197): PS3.3 C.14.1.1."""

    PROCESSING = 0x0110
    UNKNOWN = 0x0112
    CLASS_CONFLICT = 0x0119


class BadRequest(Exception):
    """The request is answered with `status`, and nothing comes of it."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


@dataclass(frozen=True)
class Asked:
    transaction_uid: str
    instances: list[list[str]]


@dataclass(frozen=True)
class Outcome:
    """`failed` has the instance and the reason of each that is not kept."""

    kept: list[tuple[str, str]]
    failed: list[tuple[str, str, Reason]]


def read(action: int, instance: str, size: int, decode: Any) -> Asked:
    """What an N-ACTION asks. Raises BadRequest. `decode` reads its data set, which is done last."""
    if action != REQUEST or instance != classes.COMMITMENT_INSTANCE:
        raise BadRequest(Status.NO_SUCH_ACTION)
    if not 0 < size <= MOST_BYTES:
        raise BadRequest(Status.RESOURCES if size else Status.INVALID_ARGUMENT)
    try:
        found = decode()
        asked = Asked(str(found.TransactionUID), [_named(one) for one in found.ReferencedSOPSequence])
    except Exception as error:  # of a peer's bytes: whatever pydicom makes of them
        raise BadRequest(Status.INVALID_ARGUMENT) from error
    uids = [asked.transaction_uid, *(uid for pair in asked.instances for uid in pair)]
    if not asked.instances or not all(map(classes.UID.fullmatch, uids)):
        raise BadRequest(Status.INVALID_ARGUMENT)
    if len(asked.instances) > MOST_INSTANCES:
        raise BadRequest(Status.RESOURCES)
    return asked


def _named(item: Dataset) -> list[str]:
    return [str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID)]


def keep(asked: Asked, *, entity: RemoteEntity, address: str) -> CommitmentRequest:
    """Store the request before it is answered. The same one again is reported again; raises BadRequest for another."""
    now = timezone.now()
    fresh = {"address": address, "requested_at": now, "next_try_at": now + SAME_ASSOCIATION}
    try:
        with transaction.atomic():
            return CommitmentRequest.objects.create(
                entity=entity, transaction_uid=asked.transaction_uid, instances=asked.instances, **fresh
            )
    except IntegrityError:
        found = CommitmentRequest.objects.get(entity=entity, transaction_uid=asked.transaction_uid)
    if found.instances != asked.instances:
        raise BadRequest(Status.DUPLICATE_TRANSACTION)
    again = CommitmentRequest.objects.filter(pk=found.pk).exclude(status=CommitmentStatus.WAITING)
    again.update(status=CommitmentStatus.WAITING, held_until=None, attempts=0, ended_at=None, **fresh)
    return found


def outcome(request: CommitmentRequest, *, now: datetime) -> Outcome | None:
    """What is kept and what is not; None while that is not decided of all."""
    rows = _rows(request)
    told = Outcome([], [])
    is_late = now > request.requested_at + LONGEST
    for sop_class, uid in request.instances:
        found = rows.get(uid, [])
        if any(row.status in (InstanceStatus.RECEIVED, InstanceStatus.WAITING) for row in found):
            if not is_late:
                return None
            told.failed.append((sop_class, uid, Reason.PROCESSING))
        elif reason := _fault(sop_class, found):
            told.failed.append((sop_class, uid, reason))
        else:
            told.kept.append((sop_class, uid))
    return told


def _rows(request: CommitmentRequest) -> dict[str, list[ReceivedInstance]]:
    """By SOP instance UID: a few where other bytes came under the same one."""
    found: dict[str, list[ReceivedInstance]] = {}
    uids = sorted({uid for _, uid in request.instances})
    for start in range(0, len(uids), 1000):
        rows = ReceivedInstance.objects.filter(
            clinic=request.entity.clinic_id, sop_instance_uid__in=uids[start : start + 1000]
        )
        for row in rows.select_related("scan"):
            found.setdefault(row.sop_instance_uid, []).append(row)
    return found


def _fault(sop_class: str, rows: Iterable[ReceivedInstance]) -> Reason | None:
    """Of other bytes under one UID nobody can tell which are meant: all of them are kept, or none is promised."""
    rows = list(rows)
    if not rows or not all(map(_is_kept, rows)):
        return Reason.UNKNOWN
    return None if all(row.sop_class_uid == sop_class for row in rows) else Reason.CLASS_CONFLICT


def _is_kept(row: ReceivedInstance) -> bool:
    """Whether its bytes are on the disk, as an image that stands or with its study."""
    if row.status == InstanceStatus.KEPT:
        return spool.path_of(row.pk).is_file()
    scan = row.scan if row.status == InstanceStatus.FILED else None
    return scan is not None and scan.withdrawal_id is None and Path(scan.original.path).is_file()


def report(pk: int, link: Association | None = None) -> bool:
    """Tell the outcome over `link`, or by an association of our own. Whether the peer has taken it.

    Only one at a time does; who ends in the middle leaves a lease that runs out, and the peer hears it twice.
    """
    now = timezone.now()
    request = CommitmentRequest.objects.select_related("entity__clinic").get(pk=pk)
    found = outcome(request, now=now)
    if found is None or not CommitmentRequest.objects.free(now).filter(pk=pk).update(held_until=now + HOLD):
        return False
    request.held_until = now + HOLD
    taken = False
    try:
        taken = _send(request, found, link)
    except Exception:  # a peer's answer, or none
        log.warning("%s could not be told of its storage commitment", request.entity.title, exc_info=True)
    _done(request, taken=taken, over=link, now=now)
    return taken


def _done(request: CommitmentRequest, *, taken: bool, over: Association | None, now: datetime) -> None:
    mine = CommitmentRequest.objects.held_as(request)
    if taken:
        mine.update(status=CommitmentStatus.REPORTED, held_until=None, ended_at=timezone.now())
    elif over is None:
        pause = timedelta(minutes=min(2**request.attempts, 60))
        mine.update(held_until=None, attempts=request.attempts + 1, next_try_at=now + pause)
    else:
        mine.update(held_until=None)


def report_due() -> int:
    """Call back whoever has not heard yet. Returns how many have now."""
    now = timezone.now()
    late = CommitmentRequest.objects.free(now).filter(requested_at__lt=now - 2 * LONGEST)
    late.update(status=CommitmentStatus.GIVEN_UP, ended_at=now)
    CommitmentRequest.objects.filter(ended_at__lt=now - FORGOTTEN).delete()
    due = CommitmentRequest.objects.due(now).filter(entity__report_port__isnull=False)
    return sum([report(pk) for pk in due.order_by("next_try_at").values_list("pk", flat=True)[:100]])


def _send(request: CommitmentRequest, found: Outcome, link: Association | None) -> bool:
    if link:
        return _tell(link, request, found)
    entity = request.entity
    if not RemoteEntity.objects.active().filter(pk=entity.pk).exists() or not entity.report_port:
        return False
    caller = AE(ae_title=settings.DICOM_AE_TITLE)
    caller.acse_timeout = caller.dimse_timeout = caller.network_timeout = caller.connection_timeout = PEER_SECONDS
    caller.add_requested_context(classes.COMMITMENT, list(classes.COMMITMENT_SYNTAXES))
    role = build_role(classes.COMMITMENT, scp_role=True)
    tls = (encryption.context(), request.address) if entity.report_tls else None
    own = caller.associate(request.address, entity.report_port, ae_title=entity.title, ext_neg=[role], tls_args=tls)
    if not own.is_established:
        return False
    try:
        for context in own.accepted_contexts:
            context._as_scp = True  # a peer that accepts this from us and says nothing of roles means this one
        return _tell(own, request, found)
    finally:
        own.release()


def _tell(link: Association, request: CommitmentRequest, found: Outcome) -> bool:
    told = Dataset()
    told.TransactionUID = request.transaction_uid
    told.RetrieveAETitle = settings.DICOM_AE_TITLE
    if found.kept:
        told.ReferencedSOPSequence = Sequence(_item(*one) for one in found.kept)
    if found.failed:
        told.FailedSOPSequence = Sequence(_item(*one) for one in found.failed)
    event = SOME_FAILED if found.failed else COMMITTED
    status, _reply = link.send_n_event_report(told, event, classes.COMMITMENT, classes.COMMITMENT_INSTANCE)
    return getattr(status, "Status", None) == Status.SUCCESS


def _item(sop_class: str, uid: str, reason: Reason | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    if reason is not None:
        item.FailureReason = int(reason)
    return item
