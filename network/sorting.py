"""What becomes of received instances: a patient's images, or a row on the worklist of unmatched studies.

The row is the job, as an analysis is: a worker holds it by a lease, and whatever ends the worker, the next one goes on.
To take an instance in twice is harmless, because the intake finds its bytes again.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audit.record import record
from audit.vocabulary import Action, Event
from diagnosis.actions.scan import receive_scan
from diagnosis.database import drop_broken_connection, is_database_away
from diagnosis.errors import AttachedElsewhere, DiskFull, FileRefused, IdentityMismatch, IntakeUnavailable
from diagnosis.messages import Message
from diagnosis.models import Patient, Scan
from diagnosis.scans import intake
from diagnosis.scans.request import Request
from ml.imaging import DicomIdentity
from network import classes, spool
from network.matching import match, names_anybody, why
from network.models import InstanceStatus, ReceivedInstance, ReceivedStudy, StudyStatus
from network.models.received_study import key_of, words_of

log = logging.getLogger(__name__)

HOLD = timedelta(seconds=60)
# A file that ended so many workers is shown to a person instead.
MOST_ATTEMPTS = 3
RELATED = (
    *("entity__account", "clinic", "study__patient"),
    *("retrieval__entity", "retrieval__study__patient__merged_into"),
)


@dataclass(frozen=True)
class Outcome:
    status: InstanceStatus
    reason: Message | None = None
    patient: Patient | None = None
    scan: Scan | None = None


@dataclass(frozen=True)
class Look:
    """What a worker knows of an instance: what its header says, and its group with the decision as it stood then."""

    row: ReceivedInstance
    identity: DicomIdentity
    study: ReceivedStudy | None

    @property
    def key(self) -> str:
        return key_of(self.identity, fallback=self.row.sop_instance_uid)

    @property
    def decided(self) -> ReceivedStudy | None:
        """The group, where a person has decided about it."""
        return self.study if self.study and self.study.is_decided else None


STILL_THERE = Outcome(InstanceStatus.RECEIVED)
# Sender and study of which this turn has told the audit trail.
_told: set[tuple[UUID, UUID]] = set()


def sort_some(*, seconds: float) -> bool:
    """Sort what waits, for about so long. Returns whether there is more."""
    deadline = time.monotonic() + seconds
    _told.clear()
    while pk := _next():
        if time.monotonic() > deadline:
            return True
        if row := _claim(pk):
            sort(row)
    return False


def _next() -> UUID | None:
    rows = ReceivedInstance.objects.unsorted(timezone.now()).order_by("received_at", "pk")
    return rows.values_list("pk", flat=True).first()


def _claim(pk: UUID) -> ReceivedInstance | None:
    now = timezone.now()
    free = ReceivedInstance.objects.unsorted(now).filter(pk=pk)
    if not free.update(held_until=now + HOLD, attempts=F("attempts") + 1):
        return None
    return ReceivedInstance.objects.select_related(*RELATED).get(pk=pk)


def sort(row: ReceivedInstance) -> Outcome:
    """Sort one instance that the caller holds. Returns RECEIVED where it is still in the line afterwards."""
    try:
        return _sort(row)
    except (IntakeUnavailable, DiskFull):
        log.warning("received instance %s waits: the server cannot take it in now", row.pk)
        _not_counted(row)
    except Exception as error:
        if is_database_away(error):
            log.warning("received instance %s waits: the database went away", row.pk)
            drop_broken_connection()
            _not_counted(row)
            return STILL_THERE
        log.exception("received instance %s could not be sorted", row.pk)
        if row.attempts >= MOST_ATTEMPTS:
            return _give_up(row)
    return STILL_THERE


def _not_counted(row: ReceivedInstance) -> None:
    """It was not the fault of the file."""
    ReceivedInstance.objects.filter(pk=row.pk).update(attempts=F("attempts") - 1)


def _sort(row: ReceivedInstance) -> Outcome:
    if row.attempts > MOST_ATTEMPTS:  # before anything of it is touched that ended the workers before
        return _give_up(row)
    look = _unread(row)
    try:
        data = spool.read(row.pk)
        look = _read(row, intake.identify(data))
        outcome = _outcome(look, data)
    except FileRefused as refused:
        outcome = _not_shown(look, refused)
    except FileNotFoundError:
        outcome = Outcome(InstanceStatus.WAITING, why("gone"))
    return _finish(look, outcome)


def _give_up(row: ReceivedInstance) -> Outcome:
    """To a person, without a word of its header, which may be what fails."""
    return _finish(_unread(row), Outcome(InstanceStatus.WAITING, why("unexpected")))


def _unread(row: ReceivedInstance) -> Look:
    """Before its header is read it belongs to the group in which it waited, if it did."""
    look = Look(row, DicomIdentity(sop_instance_uid=row.sop_instance_uid), row.study)
    return look if row.study else replace(look, study=_group(row, look.key))


def _read(row: ReceivedInstance, identity: DicomIdentity) -> Look:
    look = Look(row, identity, None)
    return replace(look, study=_group(row, look.key))


def _group(row: ReceivedInstance, key: str) -> ReceivedStudy | None:
    return ReceivedStudy.objects.filter(clinic=row.clinic, entity=row.entity, key=key).select_related("patient").first()


def _outcome(look: Look, data: bytes) -> Outcome:
    if look.row.is_taken_back:
        return Outcome(InstanceStatus.WAITING, why("taken_back"))
    if look.decided:
        return _by_decision(look, look.decided, data)
    found = match(look.identity, look.row.clinic)
    if isinstance(found, Message):
        return Outcome(InstanceStatus.WAITING, found)
    asked = look.row.retrieval
    if asked and not asked.covers(look.identity.study_instance_uid, found):
        return Outcome(InstanceStatus.WAITING, why("not_asked_for"))
    return _take(look, data, found)


def _by_decision(look: Look, decided: ReceivedStudy, data: bytes) -> Outcome:
    """As the person said, where nothing has happened since that they could not know."""
    if decided.status == StudyStatus.REJECTED:
        return Outcome(InstanceStatus.WAITING, why("after_rejection"))
    assert decided.patient
    patient = decided.patient.in_use
    if doubt := _doubt(look, decided, patient):
        return Outcome(InstanceStatus.WAITING, why(doubt))
    return _take(look, data, patient)


def _doubt(look: Look, decided: ReceivedStudy, patient: Patient) -> str:
    """Why the decision does not hold for this instance any more; empty: it does."""
    if not names_anybody(look.identity) and (not decided.decided_at or look.row.received_at > decided.decided_at):
        return "after_decision"
    if decided.instances.filed_elsewhere(patient).exists():
        return "study_elsewhere"
    return "record_changed" if decided.compare(patient) != decided.comparison else ""


def _take(look: Look, data: bytes, patient: Patient) -> Outcome:
    """Through the same intake as an upload. A person who decided has compared file and record."""
    row, decided = look.row, look.decided
    if row.sop_class_uid not in classes.SHOWN:
        return Outcome(InstanceStatus.KEPT, why("not_shown"), patient)
    try:
        upload = receive_scan(
            by=row.entity.account,
            patient=patient,
            data=data,
            name=f"{row.sop_instance_uid}.dcm",
            # What came after the decision was not looked at: of that, no more is confirmed than was compared.
            identity_confirmed=bool(decided and row.study_id),
            compared=[IdentityMismatch(intake.differences(look.identity, patient)).comparison] if decided else (),
            request=Request(prior_from=row.retrieval.entity.title) if row.retrieval else None,
        )
    except AttachedElsewhere:
        return Outcome(InstanceStatus.KEPT if decided else InstanceStatus.WAITING, why("elsewhere"), patient)
    except IdentityMismatch:
        return Outcome(InstanceStatus.WAITING, why("image"))
    return Outcome(InstanceStatus.FILED, patient=patient, scan=upload.scan)


def _not_shown(look: Look, refused: FileRefused) -> Outcome:
    """Once a person has said whose study it is, nobody can do more about a file that is refused."""
    if look.decided and look.decided.status == StudyStatus.ATTACHED:
        return Outcome(InstanceStatus.KEPT, refused.stored, look.decided.patient)
    return Outcome(InstanceStatus.WAITING, refused.stored)


@transaction.atomic
def _finish(look: Look, outcome: Outcome) -> Outcome:
    """Say it in the row, unless the lease is another worker's now or a person decided meanwhile."""
    mine = ReceivedInstance.objects.held_as(look.row)
    study = look.study if outcome.status == InstanceStatus.FILED else _held_group(look, outcome)
    if outcome.status != InstanceStatus.FILED and study:
        if study.decided_at != (look.study.decided_at if look.study else None):
            mine.update(held_until=None)  # once more, by that decision
            return STILL_THERE
        if outcome.status == InstanceStatus.WAITING and study.status != StudyStatus.WAITING:
            _reopen(study)
    reason = outcome.reason
    if not mine.update(
        status=outcome.status,
        held_until=None,
        attempts=0,
        reason_code=reason.code if reason else "",
        reason_params=dict(reason.params) if reason else {},
        study=study,
        scan=outcome.scan,
    ):
        transaction.set_rollback(True)
        return STILL_THERE
    if outcome.status == InstanceStatus.FILED:
        _tell(look.row, outcome)
        transaction.on_commit(lambda: spool.release(look.row.pk))
    return outcome


def _held_group(look: Look, outcome: Outcome) -> ReceivedStudy:
    """The group to which the instance belongs, locked: no decision about it is made meanwhile."""
    if look.study is None:
        waits = outcome.status == InstanceStatus.WAITING
        ReceivedStudy.objects.get_or_create(
            clinic=look.row.clinic,
            entity=look.row.entity,
            key=look.key,
            defaults={
                "status": StudyStatus.WAITING if waits else StudyStatus.ATTACHED,
                "patient": None if waits else outcome.patient,
                **words_of(look.identity),
            },
        )
    found = ReceivedStudy.objects.select_for_update()
    if look.study:
        return found.get(pk=look.study.pk)
    return found.get(clinic=look.row.clinic, entity=look.row.entity, key=look.key)


def _reopen(study: ReceivedStudy) -> None:
    """It waits again, and all of it that was rejected with it; who rejected that, and why, is still said."""
    again = ReceivedStudy.objects.filter(pk=study.pk)
    if study.status == StudyStatus.ATTACHED:
        again.update(status=StudyStatus.WAITING, patient=None, decided_by=None, decided_at=None, comparison="")
        return
    again.update(status=StudyStatus.WAITING)
    study.instances.filter(status=InstanceStatus.REJECTED).update(status=InstanceStatus.WAITING)


def _tell(row: ReceivedInstance, outcome: Outcome) -> None:
    """One entry in the audit trail for each study and turn, and not one for each slice.

    It comes with the first image, at its commit, so that a worker that ends in the middle has told what it did.
    """
    scan = outcome.scan
    if scan is None or (row.entity_id, scan.study_id) in _told:
        return
    record(
        Event.IMPORT,
        Action.CREATE,
        route="DICOM C-GET or C-MOVE" if row.retrieval_id else row.entity.service,
        object_type="diagnosis.study",
        object_id=str(scan.study_id),
        patient=scan.patient_id,
        detail={"from": str(row.entity_id), "first": str(scan.pk)},
    )
    transaction.on_commit(lambda: _told.add((row.entity_id, scan.study_id)))
