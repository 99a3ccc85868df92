"""From the bytes of one C-STORE request to a file and a row, both on the disk before anybody is told so."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from django.db import Error, IntegrityError, close_old_connections
from django.db.models import Q
from django.utils import timezone

from diagnosis.disk import is_disk_full
from network import spool
from network.models import InstanceStatus, ReceivedInstance, RemoteEntity

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
    dataset: bytes
    address: str


def store(instance: Instance, *, entity: RemoteEntity) -> ReceivedInstance:
    """Keep it, or find that the same bytes are here. When this returns, a power cut loses nothing of it.

    Raises OutOfResources where disk or database take nothing more.
    """
    close_old_connections()
    try:
        return _store(instance, entity)
    except (OSError, Error) as error:
        log.exception("an instance from %s could not be stored", entity.title)
        what = "the disk is full" if is_disk_full(error) else "disk or database failed"
        raise OutOfResources(what) from error


def _store(instance: Instance, entity: RemoteEntity) -> ReceivedInstance:
    sha256 = hashlib.sha256(instance.dataset).hexdigest()
    if (earlier := _find(instance, sha256, entity)) and not _was_taken_back(earlier):
        return earlier
    if not spool.has_room(len(instance.dataset)):
        raise OutOfResources("the disk is nearly full")
    if earlier:
        return _again(earlier, instance)
    row = ReceivedInstance(
        clinic=entity.clinic,
        entity=entity,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        sha256=sha256,
        byte_size=len(instance.head) + len(instance.dataset),
        address=instance.address,
        received_at=timezone.now(),
    )
    spool.write(row.pk, [instance.head, instance.dataset])
    try:
        row.save(force_insert=True)
    except IntegrityError:  # the same bytes over another association at this moment
        spool.remove(row.pk)
        return ReceivedInstance.objects.get(
            clinic=entity.clinic, sop_instance_uid=instance.sop_instance_uid, sha256=sha256
        )
    return row


def _find(instance: Instance, sha256: str, entity: RemoteEntity) -> ReceivedInstance | None:
    same = ReceivedInstance.objects.filter(
        clinic=entity.clinic, sop_instance_uid=instance.sop_instance_uid, sha256=sha256
    )
    return same.select_related("scan").first()


def _was_taken_back(row: ReceivedInstance) -> bool:
    """Whether its image is gone again: what is sent once more then is wanted."""
    return row.status == InstanceStatus.FILED and (row.scan is None or row.scan.withdrawal_id is not None)


def _again(row: ReceivedInstance, instance: Instance) -> ReceivedInstance:
    """Into the line once more, in the row that is there."""
    spool.write(row.pk, [instance.head, instance.dataset])
    gone = Q(pk=row.pk, status=InstanceStatus.FILED)
    ReceivedInstance.objects.filter(gone).update(
        status=InstanceStatus.RECEIVED, scan=None, held_until=None, attempts=0, received_at=timezone.now()
    )
    return row
