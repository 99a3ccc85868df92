"""What becomes of received instances: a patient's images, or a row on the worklist of unmatched studies.

The row is the job, as an analysis is: a worker holds it by a lease, and whatever ends the worker, the next one goes on.
To take an instance in twice is harmless, because the intake finds its bytes again.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from audit.record import record
from audit.vocabulary import Action, Event
from diagnosis.actions.scan import receive_scan
from diagnosis.errors import AttachedElsewhere, DiskFull, FileRefused, IdentityMismatch, IntakeUnavailable
from diagnosis.messages import Message
from diagnosis.models import Patient, Scan
from diagnosis.scans import intake
from ml.imaging import DicomIdentity
from network import classes, spool
from network.matching import match, why
from network.models import InstanceStatus, ReceivedInstance, ReceivedStudy, StudyStatus
from network.models.received_study import key_of, words_of

log = logging.getLogger(__name__)

HOLD = timedelta(seconds=60)
# A file that ended so many workers is shown to a person instead.
MOST_ATTEMPTS = 3


@dataclass(frozen=True)
class Outcome:
    status: InstanceStatus
    reason: Message | None = None
    patient: Patient | None = None
    scan: Scan | None = None
    is_decided: bool = False  # by a person


def sort_some(*, seconds: float) -> bool:
    """Sort what waits, for about so long. Returns whether there is more."""
    deadline = time.monotonic() + seconds
    filed: Counter[tuple[UUID, UUID, UUID]] = Counter()
    try:
        while pk := _next():
            if time.monotonic() > deadline:
                return True
            if (row := _claim(pk)) and (scan := sort(row).scan):
                filed[row.entity_id, scan.patient_id, scan.study_id] += 1
        return False
    finally:
        _tell(filed)


def _next() -> UUID | None:
    rows = ReceivedInstance.objects.unsorted(timezone.now()).order_by("received_at", "pk")
    return rows.values_list("pk", flat=True).first()


def _claim(pk: UUID) -> ReceivedInstance | None:
    now = timezone.now()
    free = ReceivedInstance.objects.unsorted(now).filter(pk=pk)
    if not free.update(held_until=now + HOLD, attempts=F("attempts") + 1):
        return None
    return ReceivedInstance.objects.select_related("entity__account", "clinic").get(pk=pk)


def sort(row: ReceivedInstance) -> Outcome:
    """Sort one instance that the caller holds."""
    identity = DicomIdentity(sop_instance_uid=row.sop_instance_uid)
    outcome = Outcome(InstanceStatus.RECEIVED)
    try:
        data = spool.read(row.pk)
        identity = intake.identify(data)
        outcome = _outcome(row, data, identity)
    except (IntakeUnavailable, DiskFull):
        log.warning("received instance %s waits: the server cannot take it in now", row.pk)
        ReceivedInstance.objects.filter(pk=row.pk).update(attempts=F("attempts") - 1)
        return outcome
    except FileRefused as refused:
        outcome = Outcome(InstanceStatus.WAITING, refused.stored)
    except FileNotFoundError:
        outcome = Outcome(InstanceStatus.WAITING, why("gone"))
    except Exception:
        log.exception("received instance %s could not be sorted", row.pk)
        if row.attempts < MOST_ATTEMPTS:
            return outcome
        outcome = Outcome(InstanceStatus.WAITING, why("unexpected"))
    _finish(row, identity, outcome)
    return outcome


def _outcome(row: ReceivedInstance, data: bytes, identity: DicomIdentity) -> Outcome:
    if row.attempts > MOST_ATTEMPTS:
        return Outcome(InstanceStatus.WAITING, why("unexpected"))
    decided = ReceivedStudy.objects.filter(entity=row.entity, key=key_of(identity)).first()
    if decided and decided.status == StudyStatus.REJECTED:
        return Outcome(InstanceStatus.WAITING, why("after_rejection"), is_decided=True)
    if decided and decided.status == StudyStatus.ATTACHED and decided.decided_by_id:
        assert decided.patient
        return replace(_take(row, data, _current(decided.patient), confirmed=True), is_decided=True)
    found = match(identity, row.clinic)
    if isinstance(found, Message):
        return Outcome(InstanceStatus.WAITING, found)
    return _take(row, data, found, confirmed=False)


def _current(patient: Patient) -> Patient:
    """The record into which it was merged since."""
    while patient.merged_into:
        patient = patient.merged_into
    return patient


def _take(row: ReceivedInstance, data: bytes, patient: Patient, *, confirmed: bool) -> Outcome:
    """Through the same intake as an upload; `confirmed`: a person compared file and record."""
    if row.sop_class_uid not in classes.SHOWN:
        return Outcome(InstanceStatus.KEPT, why("not_shown"), patient)
    try:
        upload = receive_scan(
            by=row.entity.account,
            patient=patient,
            data=data,
            name=f"{row.sop_instance_uid}.dcm",
            identity_confirmed=confirmed,
        )
    except FileRefused as refused:
        status = InstanceStatus.KEPT if confirmed else InstanceStatus.WAITING
        return Outcome(status, refused.stored, patient if confirmed else None)
    except AttachedElsewhere:
        return Outcome(InstanceStatus.WAITING, why("elsewhere"))
    except IdentityMismatch:
        return Outcome(InstanceStatus.WAITING, why("image"))
    return Outcome(InstanceStatus.FILED, patient=patient, scan=upload.scan)


def _finish(row: ReceivedInstance, identity: DicomIdentity, outcome: Outcome) -> None:
    """Say it in the row, and only then let the bytes go that are the image's now."""
    study = None if outcome.status == InstanceStatus.FILED else _study(row, identity, outcome)
    if study and study.decided_by_id and not outcome.is_decided:
        # Decided while this one was looked into: sorted once more, by that decision.
        ReceivedInstance.objects.filter(pk=row.pk).update(held_until=None, attempts=0)
        return
    reason = outcome.reason
    ReceivedInstance.objects.filter(pk=row.pk, status=InstanceStatus.RECEIVED).update(
        status=outcome.status,
        held_until=None,
        attempts=0,
        reason_code=reason.code if reason else "",
        reason_params=dict(reason.params) if reason else {},
        study=study or row.study,
        scan=outcome.scan,
    )
    if outcome.status == InstanceStatus.FILED:
        spool.remove(row.pk)


def _study(row: ReceivedInstance, identity: DicomIdentity, outcome: Outcome) -> ReceivedStudy:
    """The group to which the instance belongs; waiting again where this instance waits."""
    waits = outcome.status == InstanceStatus.WAITING
    status = StudyStatus.WAITING if waits else StudyStatus.ATTACHED
    study, _made = ReceivedStudy.objects.get_or_create(
        entity=row.entity,
        key=key_of(identity),
        defaults={"clinic": row.clinic, "status": status, "patient": outcome.patient, **words_of(identity)},
    )
    if waits and (outcome.is_decided or not study.decided_by_id):
        decided = ReceivedStudy.objects.filter(pk=study.pk).exclude(status=StudyStatus.WAITING)
        decided.update(status=StudyStatus.WAITING, patient=None, decided_by=None, decided_at=None, reason="")
    return study


def _tell(filed: Counter[tuple[UUID, UUID, UUID]]) -> None:
    """One entry in the audit trail for each study and turn, and not one for each slice."""
    for (entity, patient, study), count in filed.items():
        record(
            Event.IMPORT,
            Action.CREATE,
            route="DICOM C-STORE",
            object_type="diagnosis.study",
            object_id=str(study),
            patient=patient,
            detail={"from": str(entity), "images": str(count)},
        )
