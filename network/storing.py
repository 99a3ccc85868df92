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
    dataset: bytes | memoryview
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
    """The database refuses what is here already, so that a new instance costs no question before."""
    if not spool.has_room(len(instance.dataset)):
        raise OutOfResources("the disk is nearly full")
    row = ReceivedInstance(
        clinic=entity.clinic,
        entity=entity,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        sha256=hashlib.sha256(instance.dataset).hexdigest(),
        byte_size=len(instance.head) + len(instance.dataset),
        address=instance.address,
        received_at=timezone.now(),
    )
    spool.write(row.pk, [instance.head, instance.dataset])
    try:
        row.save(force_insert=True)
    except IntegrityError:
        spool.remove(row.pk)
        return _earlier(row, instance)
    return row


def _earlier(new: ReceivedInstance, instance: Instance) -> ReceivedInstance:
    """The row of the same bytes; in the line once more where its image was taken back."""
    same = ReceivedInstance.objects.filter(clinic=new.clinic, sop_instance_uid=new.sop_instance_uid, sha256=new.sha256)
    found = same.select_related("scan").get()
    return _again(found, instance) if _was_taken_back(found) else found


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
