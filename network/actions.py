"""What a person decides: a study that waits is this patient's, or rejected; an archive is asked once more.

Each is one UPDATE.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import Permission, require
from audit.notes import note_detail, note_event
from audit.vocabulary import Action, Event
from diagnosis.errors import IdentityMismatch, NotAllowedNow
from diagnosis.models import Patient
from diagnosis.rules.corrections import require_current
from diagnosis.scans import intake
from network import retrieving, tasks
from network.models import InstanceStatus, PriorRetrieval, ReceivedInstance, ReceivedStudy, StudyStatus
from network.states import OPEN, RetrievalStatus

ASKED_NOW = _("The archive is being asked at this moment. Look at the list again.")
DECIDED = _("Somebody else has decided about this study meanwhile. Look at the list again.")


def differences(study: ReceivedStudy, patient: Patient) -> IdentityMismatch:
    """Where the study's files and the record disagree; its `comparison` is what the person brings back."""
    return IdentityMismatch(intake.differences(study.identity, patient))


@transaction.atomic
def attach(*, by: User, study: ReceivedStudy, patient: Patient, compared: str) -> None:
    """Give what waits of `study`, and whatever comes of it later, to `patient`; a worker then takes it in.

    `compared` is the comparison that `by` was shown. Raises PermissionDenied, NotAllowedNow, or IdentityMismatch where
    file and record disagree otherwise than that.
    """
    require(by, Permission.MATCH_STUDY, study.clinic)
    if patient.clinic_id != study.clinic_id:
        raise NotAllowedNow("other_clinic", _("This patient is of another clinic."))
    require_current(patient)
    mismatch = differences(study, patient)
    if mismatch.comparison != compared:
        raise mismatch
    _decide(study, StudyStatus.ATTACHED, by=by, patient=patient, comparison=study.compare(patient))
    _leave_others(study, patient)
    _waiting(study).update(status=InstanceStatus.RECEIVED, held_until=None, reason_code="", reason_params={})
    note_event(Event.IMPORT, Action.UPDATE)
    note_detail(attached_to=str(patient.pk), differences=str(len(mismatch.differences)))
    transaction.on_commit(tasks.wake, robust=True)


@transaction.atomic
def reject(*, by: User, study: ReceivedStudy, reason: str) -> None:
    """Turn away what waits of `study`. The bytes are kept, so that it can be brought back."""
    require(by, Permission.MATCH_STUDY, study.clinic)
    _decide(study, StudyStatus.REJECTED, by=by, reason=reason.strip()[:400])
    _waiting(study).update(status=InstanceStatus.REJECTED)
    note_event(Event.IMPORT, Action.DELETE)


@transaction.atomic
def bring_back(*, by: User, study: ReceivedStudy) -> None:
    """Put a study that was rejected back on the list."""
    require(by, Permission.MATCH_STUDY, study.clinic)
    rejected = ReceivedStudy.objects.filter(pk=study.pk, status=StudyStatus.REJECTED)
    if not rejected.update(status=StudyStatus.WAITING, decided_by=None, decided_at=None, reason=""):
        raise NotAllowedNow("not_rejected", DECIDED)
    study.instances.filter(status=InstanceStatus.REJECTED).update(status=InstanceStatus.WAITING)


def ask_again(*, by: User, retrieval: PriorRetrieval) -> None:
    """Ask the archive once more, or sooner than by itself. Raises NotAllowedNow where it is being asked."""
    require(by, Permission.MANAGE_DELIVERY, retrieval.entity.clinic)
    if retrieval.study_id is None:
        raise NotAllowedNow("study_gone", gettext_lazy(retrieving.GONE))
    if retrieval.is_held:
        raise NotAllowedNow("being_asked", ASKED_NOW)
    now = timezone.now()
    anew: dict[str, Any] = {"attempts": 0, "next_attempt_at": now, "held_until": None}
    if retrieval.status in OPEN:
        moved = bool(PriorRetrieval.objects.held_as(retrieval).update(**anew))
    else:
        moved = PriorRetrieval.objects.move(retrieval, RetrievalStatus.WANTED, wanted_at=now, last_answer="", **anew)
    if not moved:
        raise NotAllowedNow("being_asked", ASKED_NOW)
    note_event(Event.QUERY, Action.EXECUTE)
    note_detail(archive=str(retrieval.entity_id))
    transaction.on_commit(tasks.wake_retrieval, robust=True)


def _decide(
    study: ReceivedStudy,
    status: StudyStatus,
    *,
    by: User,
    patient: Patient | None = None,
    comparison: str = "",
    reason: str = "",
) -> None:
    waiting = ReceivedStudy.objects.filter(pk=study.pk, status=StudyStatus.WAITING)
    decision = {"patient": patient, "comparison": comparison, "reason": reason}
    if not waiting.update(status=status, decided_by=by, decided_at=timezone.now(), **decision):
        raise NotAllowedNow("decided", DECIDED)


def _leave_others(study: ReceivedStudy, patient: Patient) -> None:
    """What was moved away or taken back before this decision speaks no more against it."""
    others = list(study.instances.filed_elsewhere(patient).values_list("pk", flat=True))
    ReceivedInstance.objects.filter(pk__in=others).update(study=None)


def _waiting(study: ReceivedStudy) -> QuerySet[ReceivedInstance]:
    return ReceivedInstance.objects.filter(study=study, status=InstanceStatus.WAITING)
