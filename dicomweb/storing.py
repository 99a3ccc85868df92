"""What comes by STOW-RS goes where C-STORE goes: to the spool, then to whoever it is of, or to the worklist."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from accounts.models import Clinic
from diagnosis.errors import FileRefused
from diagnosis.scans import intake
from dicomweb.attributes import Attributes, value
from dicomweb.filehead import FileHead, NoHead, read
from network import classes
from network.models import RemoteEntity
from network.storing import Instance, OutOfResources, store

log = logging.getLogger(__name__)
# The entity of each clinic as which it comes. It has no address, so that nobody calls as it over the network.
TITLE = "DICOMWEB"


class Failure(IntEnum):
    """Of PS3.18 table I.2-2 and PS3.4 table B.2-1."""

    OUT_OF_RESOURCES = 0xA700
    OTHER_STUDY = 0xA900
    CLASS = 0x0122
    SYNTAX = 0xC122
    NOT_UNDERSTOOD = 0xC000


@dataclass
class Outcome:
    """Which instances are on the disk and in the index, and which were refused, with the reason."""

    stored: list[FileHead] = field(default_factory=list)
    failed: list[tuple[FileHead | None, Failure]] = field(default_factory=list)

    @property
    def status(self) -> int:
        if not self.failed:
            return 200
        return 202 if self.stored else 409

    def as_attributes(self) -> Attributes:
        """PS3.18 table 10.5.3-1."""
        told: Attributes = {}
        if self.failed:
            told["00081198"] = value("SQ", *(_item(head, failure) for head, failure in self.failed))
        if self.stored:
            told["00081199"] = value("SQ", *(_item(head) for head in self.stored))
        return told


def _item(head: FileHead | None, failure: Failure | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {} if failure is None else {"00081197": value("US", int(failure))}
    if head:
        told |= {"00081150": value("UI", head.sop_class), "00081155": value("UI", head.sop_instance)}
    return told


def entity_of(clinic: Clinic) -> RemoteEntity:
    """In whose name the clinic's programs store; made when it is first needed."""
    found, _ = RemoteEntity.objects.get_or_create(
        clinic=clinic, title=TITLE, defaults={"networks": "", "description": "STOW-RS"}
    )
    return found


def take(outcome: Outcome, data: bytes | None, *, entity: RemoteEntity, study: str, address: str) -> None:
    """Store one part, None where it was too large; what became of it is added to `outcome`."""
    head = _head(data)
    if data is None or head is None:
        outcome.failed.append((None, Failure.OUT_OF_RESOURCES if data is None else Failure.NOT_UNDERSTOOD))
    elif failure := _fault(head, data, entity, study) or _stored(head, data, entity, address):
        outcome.failed.append((head, failure))
    else:
        outcome.stored.append(head)


def _head(data: bytes | None) -> FileHead | None:
    try:
        return read(data or b"")
    except NoHead:
        return None


def _fault(head: FileHead, data: bytes, entity: RemoteEntity, study: str) -> Failure | None:
    """Why it is not taken, whatever the disk has room for."""
    if not all(classes.UID.fullmatch(uid) for uid in (head.sop_class, head.sop_instance)):
        return Failure.NOT_UNDERSTOOD
    if head.sop_class not in classes.STORAGE:
        return Failure.CLASS
    if head.syntax not in classes.TRANSFER_SYNTAXES:
        return Failure.SYNTAX
    return _other_study(data, entity, study) if study else None


def _other_study(data: bytes, entity: RemoteEntity, study: str) -> Failure | None:
    """Only an address that names a study has the header read, in the decoder that is shut in."""
    try:
        found = intake.identify(data, sender=entity.pk).study_instance_uid
    except FileRefused:
        return Failure.NOT_UNDERSTOOD
    return None if found == study else Failure.OTHER_STUDY


def _stored(head: FileHead, data: bytes, entity: RemoteEntity, address: str) -> Failure | None:
    instance = Instance(
        sop_class_uid=head.sop_class,
        sop_instance_uid=head.sop_instance,
        transfer_syntax_uid=head.syntax,
        head=data[: head.size],
        dataset=memoryview(data)[head.size :],
        address=address,
    )
    try:
        store(instance, entity=entity)
    except OutOfResources as error:
        log.error("an instance by STOW-RS was not taken: %s", error)
        return Failure.OUT_OF_RESOURCES
    return None
