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
from network.storing import Instance, OutOfResources, store, store_together

log = logging.getLogger(__name__)
# The entity of each clinic as which it comes. It has no address, so that nobody calls as it over the network.
TITLE = "DICOMWEB"
# Stored together at most. They are in memory meanwhile, beside the part that is being read.
AT_ONCE = 16
BYTES_AT_ONCE = 16 * 1024 * 1024


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


@dataclass
class Batch:
    """Parts of one request on their way to the disk. `store` has to be called for what is left at the end."""

    outcome: Outcome
    entity: RemoteEntity
    study: str
    address: str
    _waiting: list[tuple[FileHead, Instance]] = field(default_factory=list)
    _bytes: int = 0

    def add(self, data: bytes | None) -> None:
        """One part, None where it was too large."""
        head = _head(data)
        if data is None or head is None:
            self.outcome.failed.append((None, Failure.OUT_OF_RESOURCES if data is None else Failure.NOT_UNDERSTOOD))
        elif failure := _fault(head, data, self.entity, self.study):
            self.outcome.failed.append((head, failure))
        else:
            self._waiting.append((head, _instance(head, data, self.address)))
            self._bytes += len(data)
            if len(self._waiting) >= AT_ONCE or self._bytes >= BYTES_AT_ONCE:
                self.store()

    def store(self) -> None:
        """To disk and index, all together; one by one where that fails, so that each is told what became of it."""
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        if not waiting:
            return
        try:
            store_together([instance for _, instance in waiting], entity=self.entity)
        except OutOfResources:
            for head, instance in waiting:
                self._store_alone(head, instance)
        else:
            self.outcome.stored += [head for head, _ in waiting]

    def _store_alone(self, head: FileHead, instance: Instance) -> None:
        try:
            store(instance, entity=self.entity)
        except OutOfResources as error:
            log.error("an instance by STOW-RS was not taken: %s", error)
            self.outcome.failed.append((head, Failure.OUT_OF_RESOURCES))
        else:
            self.outcome.stored.append(head)


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


def _instance(head: FileHead, data: bytes, address: str) -> Instance:
    return Instance(
        sop_class_uid=head.sop_class,
        sop_instance_uid=head.sop_instance,
        transfer_syntax_uid=head.syntax,
        head=data[: head.size],
        dataset=memoryview(data)[head.size :],
        address=address,
    )
