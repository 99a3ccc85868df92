"""What becomes of retrievals: the archive is asked, what it names is compared and chosen, and study by study fetched.

The row is the job, as a delivery is: a worker holds it by a lease, and whatever ends the worker, the next one goes on.
To fetch a study twice is harmless, because the same bytes are one instance.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import Error, transaction
from django.db.models import F, Max
from django.utils import timezone, translation
from django.utils.translation import gettext_noop

from accounts.locale import chosen_time_zone
from accounts.models import Clinic
from audit.record import record_before
from audit.vocabulary import Action, Event
from diagnosis.models import Patient, Study
from diagnosis.models.confidentiality import Confidentiality
from network import choosing, querying
from network.models import PriorRetrieval, PriorsBy, RemoteEntity
from network.pauses import pause_after
from network.querying import NotRetrieved, Refused, Sent, TryAgain, Unreachable
from network.states import RetrievalStatus
from network.storing import Instance, store

log = logging.getLogger(__name__)
HOLD, BEAT = timedelta(minutes=3), timedelta(seconds=20)
FIRST_PAUSE = timedelta(seconds=30)
# Some hours: after that, a person has read without them.
MOST_ATTEMPTS = 10
# Of C-MOVE requests: 16 bits, and none is nought.
MOST_MESSAGES = 0xFFFF

NONE = gettext_noop("The archive has no earlier study of the chest that is not here.")
FETCHED = gettext_noop("Every study that was asked for came.")
NOTHING_CAME = gettext_noop("Of some studies nothing came.")
NOT_ALL = gettext_noop("Some objects were not sent: of kinds that the portal does not show, or the archive lacks them.")
OTHERS = gettext_noop("Studies whose number, name or birth date is not that of the record were left out.")
ONLY_OTHERS = gettext_noop("The archive names somebody else under this record number. Nothing was fetched.")
LARGE = gettext_noop("Studies with more images than are fetched by themselves were left out.")
GONE = gettext_noop("Its study was deleted or taken back.")
CONFIDENTIAL = gettext_noop("The record is confidential: no archive is asked about it.")
NO_SOURCE = gettext_noop("The archive is not asked for priors any more.")
NO_NUMBER = gettext_noop("A query cannot carry this record number.")
UNAUDITED = gettext_noop("The audit trail could not be written, so nothing was asked.")
LOST = gettext_noop("Every worker that tried this stopped in the middle of it. Tell whoever runs the portal.")
UNEXPECTED = gettext_noop("An unexpected error, which was logged.")


class LeaseLost(Exception):
    """Somebody else holds the row, or its study was deleted."""


@dataclass(frozen=True)
class End:
    """How one try ended. `target` is None where it is to be tried again after `pause`."""

    target: RetrievalStatus | None
    answer: str
    pause: timedelta = timedelta()
    is_unreachable: bool = False


def retrieve_some(*, arrived: Callable[[], None], seconds: float = 3600.0) -> None:
    """Retrieve what is due, until nothing is or the time is over. `arrived`: called after each study that came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and (row := _claim_next()):
        retrieve(row, arrived=arrived)


def is_due() -> bool:
    return _next(timezone.now()) is not None


def _next(now: datetime) -> PriorRetrieval | None:
    """The first whose archive is asked by nobody else, and not too often."""
    free = PriorRetrieval.objects.free(now).select_related("entity").order_by("next_attempt_at", "wanted_at")
    may: dict[UUID, bool] = {}
    for row in free.iterator(chunk_size=50):
        if may.setdefault(row.entity_id, _may_be_asked(row.entity, now)):
            return row
    return None


def _may_be_asked(entity: RemoteEntity, now: datetime) -> bool:
    theirs = PriorRetrieval.objects.filter(entity=entity)
    if theirs.held(now).exists():
        return False
    return theirs.filter(begun_at__gt=now - timedelta(hours=1)).count() < settings.PRIORS_PER_HOUR


def _claim_next() -> PriorRetrieval | None:
    """Under the lock of the clinic's senders, so that two workers neither ask one archive at once nor count alike."""
    now = timezone.now()
    with transaction.atomic():
        found = _next(now)
        if found is None:
            return None
        clinic = found.entity.clinic_id
        list(RemoteEntity.objects.select_for_update().filter(clinic=clinic).order_by("pk"))
        if not _may_be_asked(found.entity, now):
            return None
        last = PriorRetrieval.objects.filter(entity__clinic=clinic).aggregate(last=Max("message_id"))["last"] or 0
        number = found.message_id or last % MOST_MESSAGES + 1
        changes = {"held_until": now + HOLD, "begun_at": now, "message_id": number}
        if not PriorRetrieval.objects.free(now).filter(pk=found.pk).update(attempts=F("attempts") + 1, **changes):
            return None
    return PriorRetrieval.objects.select_related("entity__clinic", "entity__account", "study__patient").get(pk=found.pk)


def retrieve(row: PriorRetrieval, *, arrived: Callable[[], None]) -> End:
    """Carry out one that the caller holds."""
    # Sentences are kept in the source language and translated for who reads them.
    with translation.override(settings.LANGUAGE_CODE):
        try:
            end = End(RetrievalStatus.DONE, _retrieve(row, arrived))
        except LeaseLost:
            return End(None, "")
        except Refused as reason:
            end = End(RetrievalStatus.FAILED, str(reason))
        except Exception as error:
            end = _again(row, error)
    _finish(row, end)
    return end


def _retrieve(row: PriorRetrieval, arrived: Callable[[], None]) -> str:
    if row.attempts > MOST_ATTEMPTS:  # before anything is done that ended the workers before
        raise Refused(LOST)
    notes: list[str] = []
    if row.status == RetrievalStatus.WANTED:
        notes += _ask(row)
    if row.status == RetrievalStatus.WANTED:
        return "\n".join([NONE, *notes])
    return "\n".join([*_fetch_all(row, arrived), *notes])


def _patient_of(row: PriorRetrieval) -> Patient:
    """Asked before each step, since a step may take minutes. Raises Refused where nothing may be asked any more."""
    study = Study.objects.select_related("patient").filter(pk=row.study_id).first() if row.study_id else None
    if study is None:
        raise Refused(GONE)
    if not RemoteEntity.objects.sources().filter(pk=row.entity_id).exists():
        raise Refused(NO_SOURCE)
    patient = study.patient.in_use
    if Confidentiality.objects.standing().filter(patient=patient).exists():
        raise Refused(CONFIDENTIAL)
    return patient


def _ask(row: PriorRetrieval) -> list[str]:
    """C-FIND. Returns what else is to be said; the row is FETCHING afterwards where something is to be fetched."""
    patient = _patient_of(row)
    assert row.study
    if not choosing.can_be_asked(patient.medical_record_number):
        raise Refused(NO_NUMBER)
    before = _day_of(row.study, row.entity.clinic)
    _record_query(row, patient)
    answers = querying.find(row.entity, patient.medical_record_number, before=before)
    choice = choosing.choose(answers, row, patient, before=before)
    notes = [note for note, said in ((OTHERS, choice.others), (LARGE, choice.large)) if said]
    if not choice.wanted:
        if choice.others and not choice.theirs:
            raise Refused(ONLY_OTHERS)
        return notes
    fetched = [one for one in row.found if one["state"] == "fetched"]
    found = [*fetched, *(one.as_json() for one in choice.wanted)]
    if not PriorRetrieval.objects.move(row, RetrievalStatus.FETCHING, found=found):
        raise LeaseLost
    row.status, row.found = RetrievalStatus.FETCHING, found
    return notes


def _day_of(study: Study, clinic: Clinic) -> date:
    return timezone.localdate(study.taken_at, chosen_time_zone(None, clinic))


def _record_query(row: PriorRetrieval, patient: Patient) -> None:
    """Before the number leaves. Raises TryAgain where it cannot be stored: then nothing may be asked."""
    entity = row.entity
    try:
        record_before(
            Event.QUERY,
            Action.EXECUTE,
            route="DICOM C-FIND",
            object_type="diagnosis.study",
            object_id=str(row.study_id),
            patient=patient.pk,
            detail={
                "to": str(entity.pk),
                "address": f"{entity.title}@{entity.query_host}:{entity.query_port}",
                "tls": "yes" if entity.query_tls else "no",
                "retrieval": str(row.pk),
            },
        )
    except Error as error:
        log.exception("the query of retrieval %s could not be told to the audit trail", row.pk)
        raise TryAgain(UNAUDITED) from error


def _fetch_all(row: PriorRetrieval, arrived: Callable[[], None]) -> list[str]:
    for one in list(row.wanted()):
        sent = _fetch(row, one["uid"])
        one |= {"state": "fetched" if sent else "here", "count": sent.completed if sent else 0}
        one["failed"] = sent.failed if sent else 0
        _keep(row)
        arrived()
    fetched = [one for one in row.found if one["state"] == "fetched"]
    notes = [FETCHED if all(one["count"] for one in fetched) else NOTHING_CAME]
    return [*notes, NOT_ALL] if any(one.get("failed") for one in fetched) else notes


def _fetch(row: PriorRetrieval, uid: str) -> Sent | None:
    """C-GET or C-MOVE; None where somebody has sent the study meanwhile, which is then to be read here."""
    _patient_of(row)
    entity = row.entity
    sent_by_others = Study.with_withdrawn.in_clinic(entity.clinic).filter(study_instance_uid=uid, fetched_from="")
    if sent_by_others.exists():
        return None
    beat = _Beat(row)
    if entity.priors_by == PriorsBy.MOVE:
        assert row.message_id
        return querying.move(entity, uid, message_id=row.message_id, beat=beat)

    def keep(instance: Instance) -> None:
        store(instance, entity=entity, retrieval=row)

    return querying.get(entity, uid, keep=keep, beat=beat)


class _Beat:
    """Renews the lease while an archive sends; never more often than needed."""

    def __init__(self, row: PriorRetrieval) -> None:
        self._row = row

    def __call__(self) -> None:
        now = timezone.now()
        if self._row.held_until and self._row.held_until - now < HOLD - BEAT:
            _renew(self._row, now)


def _renew(row: PriorRetrieval, now: datetime) -> None:
    """What another worker holds now is not fetched on: its own C-GET brings the rest."""
    if PriorRetrieval.objects.held_as(row).update(held_until=now + HOLD):
        row.held_until = now + HOLD


def _keep(row: PriorRetrieval) -> None:
    if not PriorRetrieval.objects.held_as(row).update(found=row.found):
        raise LeaseLost


def _again(row: PriorRetrieval, error: Exception) -> End:
    if not isinstance(error, NotRetrieved):
        log.error("retrieval %s failed", row.pk, exc_info=error)
    answer = str(error) if isinstance(error, NotRetrieved) else UNEXPECTED
    if row.attempts >= MOST_ATTEMPTS:
        return End(RetrievalStatus.FAILED, answer)
    pause = pause_after(row.attempts, first=FIRST_PAUSE)
    return End(None, answer, pause, is_unreachable=isinstance(error, Unreachable))


@transaction.atomic
def _finish(row: PriorRetrieval, end: End) -> None:
    """Say it in the row, unless it is another worker's now. Where nobody answers, the archive's other rows wait too."""
    now = timezone.now()
    free: dict[str, Any] = {"held_until": None, "last_answer": end.answer.replace("\0", "")[:2000]}
    if end.target:
        PriorRetrieval.objects.move(row, end.target, ended_at=now, **free)
        return
    PriorRetrieval.objects.held_as(row).update(next_attempt_at=now + end.pause, **free)
    if end.is_unreachable:
        others = PriorRetrieval.objects.free(now + end.pause).filter(entity=row.entity_id)
        others.update(next_attempt_at=now + end.pause)
