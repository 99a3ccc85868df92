"""What became of received instances, said in their rows, their groups and the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Case, UUIDField, Value, When

from audit.record import record
from audit.vocabulary import Action, Event
from diagnosis.models import Scan
from network import spool
from network.deciding import Look, Outcome
from network.models import InstanceStatus, ReceivedInstance, ReceivedStudy, StudyStatus
from network.models.received_study import words_of

STILL_THERE = Outcome(InstanceStatus.RECEIVED)
# Sender and study of which this turn has told the audit trail.
_told: set[tuple[UUID, UUID]] = set()


def begin_turn() -> None:
    """What the audit trail was told in an earlier turn, it is told again."""
    _told.clear()


def finish_filed(filed: Sequence[tuple[Look, Scan]]) -> dict[UUID, Outcome]:
    """Say in the rows which image each became, unless a lease is another worker's now."""
    if not filed:
        return {}
    is_said = _say_filed(filed)
    if not is_said and len(filed) > 1:
        return {pk: outcome for one in filed for pk, outcome in finish_filed([one]).items()}
    return {look.row.pk: Outcome(InstanceStatus.FILED) if is_said else STILL_THERE for look, _ in filed}


@transaction.atomic
def _say_filed(filed: Sequence[tuple[Look, Scan]]) -> bool:
    """Returns False, and says nothing, unless every lease still holds."""
    groups: dict[ReceivedStudy | None, list[tuple[Look, Scan]]] = {}
    for look, scan in filed:
        groups.setdefault(look.study, []).append((look, scan))
    for study, some in groups.items():
        images = Case(*(When(pk=look.row.pk, then=Value(scan.pk)) for look, scan in some), output_field=UUIDField())
        if ReceivedInstance.objects.held_as([look.row for look, _ in some]).update(
            status=InstanceStatus.FILED,
            held_until=None,
            attempts=0,
            reason_code="",
            reason_params={},
            study=study,
            scan=images,
        ) != len(some):
            transaction.set_rollback(True)
            return False
    for look, _ in filed:
        transaction.on_commit(partial(spool.release, look.row.pk))
    first_of = {scan.study_id: (look, scan) for look, scan in reversed(filed)}
    for look, scan in first_of.values():
        _tell(look.row, scan)
    return True


@transaction.atomic
def finish(look: Look, outcome: Outcome) -> Outcome:
    """Say in the row why it is no image, unless the lease is another worker's now or a person decided meanwhile."""
    mine = ReceivedInstance.objects.held_as([look.row])
    study = _held_group(look, outcome)
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
        scan=None,
    ):
        transaction.set_rollback(True)
        return STILL_THERE
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


def _tell(row: ReceivedInstance, scan: Scan) -> None:
    """One entry in the audit trail for each study and turn, and not one for each slice.

    It comes with the first image, at its commit, so that a worker that ends in the middle has told what it did.
    """
    told = row.entity_id, scan.study_id
    if told in _told:
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
    transaction.on_commit(partial(_told.add, told))
