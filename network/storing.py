"""From the bytes of one C-STORE request to a file and a row, both on the disk before anybody is told so."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import Error, IntegrityError, transaction
from django.utils import timezone

from diagnosis.disk import is_disk_full
from network import spool
from network.models import InstanceStatus, PriorRetrieval, ReceivedInstance, RemoteEntity
from network.models.received_instance import TAKEN_BACK

log = logging.getLogger(__name__)


class OutOfResources(Exception):
    """Nothing of it was kept; the sender may try again later."""


@dataclass(frozen=True)
class Instance:
    """One instance as it arrives: `head` is the beginning of a DICOM file up to the data set."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    head: bytes
    dataset: bytes | memoryview
    address: str


def store(instance: Instance, *, entity: RemoteEntity, retrieval: PriorRetrieval | None = None) -> ReceivedInstance:
    """Keep it, or find that the same bytes are here. When this returns, a power cut loses nothing of it.

    `retrieval`: for which it was fetched; without one, somebody sent it. Raises OutOfResources where disk or database
    take nothing more.
    """
    with _told(entity):
        return _store(instance, entity, retrieval)


def store_together(instances: Sequence[Instance], *, entity: RemoteEntity) -> None:
    """Keep what one sender is told about at once; as `store`, for less. Where it raises, some of it may be kept."""
    with _told(entity):
        _store_together(instances, entity)


@contextmanager
def _told(entity: RemoteEntity) -> Iterator[None]:
    """Raises OutOfResources for what disk and database say."""
    try:
        yield
    except (OSError, Error) as error:
        log.exception("what %s sent could not be stored", entity.title)
        what = "the disk is full" if is_disk_full(error) else "disk or database failed"
        raise OutOfResources(what) from error


def _store(instance: Instance, entity: RemoteEntity, retrieval: PriorRetrieval | None) -> ReceivedInstance:
    """The database refuses what is here already, so that a new instance costs no question before."""
    row = _row(instance, entity, retrieval)
    _require_room([row])
    spool.write(row.pk, [instance.head, instance.dataset])
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        spool.remove(row.pk)
        return _earlier(row, instance)
    return row


def _store_together(instances: Sequence[Instance], entity: RemoteEntity) -> None:
    """One transaction, and each folder flushed once. What is here already is left out by the database."""
    rows = [_row(instance, entity, None) for instance in instances]
    _require_room(rows)
    files = {row.pk: [one.head, one.dataset] for row, one in zip(rows, instances, strict=True)}
    spool.write_together(files)
    # Where it fails the files stay: whether the rows are there may be unknown. The sweep takes those without one.
    ReceivedInstance.objects.bulk_create(rows, ignore_conflicts=True)
    new = set(ReceivedInstance.objects.filter(pk__in=files).values_list("pk", flat=True))
    for row, instance in zip(rows, instances, strict=True):
        if row.pk not in new:
            spool.remove(row.pk)
            _earlier(row, instance)


def _require_room(rows: Sequence[ReceivedInstance]) -> None:
    if not spool.has_room(sum(row.byte_size for row in rows)):
        raise OutOfResources("the disk is nearly full")


def _row(instance: Instance, entity: RemoteEntity, retrieval: PriorRetrieval | None) -> ReceivedInstance:
    return ReceivedInstance(
        clinic=entity.clinic,
        entity=entity,
        retrieval=retrieval,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        sha256=hashlib.sha256(instance.dataset).hexdigest(),
        byte_size=len(instance.head) + len(instance.dataset),
        address=instance.address,
        received_at=timezone.now(),
    )


def _earlier(new: ReceivedInstance, instance: Instance) -> ReceivedInstance:
    """The row of the same bytes; in the line once more where its image was taken back, its file is lost, or where it
    was fetched as a prior and is now sent to be read.
    """
    same = ReceivedInstance.objects.filter(clinic=new.clinic, sop_instance_uid=new.sop_instance_uid, sha256=new.sha256)
    found = same.select_related("scan__series__study").get()
    if _was_taken_back(found):
        return _again(found, instance, reason_code="received", reason_params=TAKEN_BACK)
    if found.retrieval_id and not new.retrieval_id:
        return _as_sent(found, instance, new)
    if found.status != InstanceStatus.FILED and not spool.path_of(found.pk).is_file():
        return _again(found, instance, reason_code="", reason_params={})
    return found


def _was_taken_back(row: ReceivedInstance) -> bool:
    """Whether its image is gone again, perhaps because it was the wrong person's."""
    return row.status == InstanceStatus.FILED and (row.scan is None or row.scan.withdrawal_id is not None)


def _as_sent(row: ReceivedInstance, instance: Instance, new: ReceivedInstance) -> ReceivedInstance:
    """No prior any more: of the sender, and taken up once more where its study still is one."""
    sent = {"retrieval": None, "entity": new.entity, "address": new.address, "study": None}
    if row.status == InstanceStatus.FILED:
        assert row.scan  # else it was taken back
        return _again(row, instance, reason_code="", reason_params={}, **sent) if row.scan.study.is_prior else row
    if row.status == InstanceStatus.RECEIVED:
        ReceivedInstance.objects.filter(pk=row.pk, status=row.status).update(**sent, held_until=None)
    else:  # it waits for a person, or is kept, among what came with it
        ReceivedInstance.objects.filter(pk=row.pk, status=row.status).update(retrieval=None)
    return row


def _again(row: ReceivedInstance, instance: Instance, **reason: Any) -> ReceivedInstance:
    """Into the line once more, in the row that is there; the sweep takes the file where the row has moved on."""
    spool.write(row.pk, [instance.head, instance.dataset])
    ReceivedInstance.objects.filter(pk=row.pk, status=row.status).update(
        status=InstanceStatus.RECEIVED,
        scan=None,
        held_until=None,
        attempts=0,
        received_at=timezone.now(),
        **reason,
    )
    return row
