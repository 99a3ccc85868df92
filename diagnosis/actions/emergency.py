"""Open a confidential record in an emergency: at once and for some hours, told to everybody who answers for it."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from audit.notes import note_detail, note_event
from audit.vocabulary import Action, Event
from diagnosis import tasks
from diagnosis.errors import NotAllowedNow
from diagnosis.models import EmergencyAccess, Patient
from diagnosis.models.confidentiality import EmergencyKind, hides_any
from diagnosis.models.notification import NotificationKind
from diagnosis.notifications import notify_keepers
from diagnosis.reviews.second_looks import give_back_unseen
from diagnosis.rules import confidentiality as rules


@transaction.atomic
def open_in_emergency(*, by: User, patient: Patient, kind: EmergencyKind, reason: str) -> EmergencyAccess:
    """See `patient` for `settings.EMERGENCY_ACCESS`; the clinic's other administrators are told at once.

    Raises Refusal where the reason says too little, NotAllowedNow where the record is open to `by` anyway.
    """
    require(by, Permission.VIEW_PATIENT, patient.clinic)
    said = rules.require_reason(reason)
    # Two presses make one access.
    list(Patient.objects.select_for_update().filter(pk=patient.pk))
    if not hides_any(by, [patient.pk]):
        raise NotAllowedNow("open_already", rules.OPEN_ALREADY)
    now = timezone.now()
    opened = EmergencyAccess.objects.create(
        patient=patient, person=by, kind=kind, reason=said, begun_at=now, ends_at=now + settings.EMERGENCY_ACCESS
    )
    notify_keepers(patient, NotificationKind.EMERGENCY, without=by)
    transaction.on_commit(tasks.mail_now, robust=True)
    note_event(Event.EMERGENCY_STARTED, Action.EXECUTE)
    note_detail(kind=kind, access=str(opened.pk))
    return opened


@transaction.atomic
def end_emergency(*, by: User, access: EmergencyAccess) -> None:
    """The person needs it no longer. Raises NotAllowedNow where it has ended."""
    own = EmergencyAccess.objects.open().filter(pk=access.pk, person=by)
    if not own.update(ended_at=timezone.now()):
        raise NotAllowedNow("ended_already", rules.ENDED_ALREADY)
    give_back_unseen([access.patient_id])
    note_event(Event.EMERGENCY_STOPPED, Action.EXECUTE)


def review_emergency(*, by: User, access: EmergencyAccess, remark: str) -> None:
    """An administrator has looked at who opened what and why. Nobody reviews their own.

    Raises NotAllowedNow where it still lasts, or somebody has reviewed it.
    """
    require(by, Permission.MANAGE_CLINIC, access.patient.clinic)
    if access.person_id == by.pk:
        raise NotAllowedNow("own_access", rules.OWN_ACCESS)
    now = timezone.now()
    over = EmergencyAccess.objects.unreviewed().filter(Q(ended_at__isnull=False) | Q(ends_at__lte=now))
    if not over.filter(pk=access.pk).update(reviewed_by=by, reviewed_at=now, remark=remark.strip()[:400]):
        raise _not_reviewed(access)


def _not_reviewed(access: EmergencyAccess) -> NotAllowedNow:
    if EmergencyAccess.objects.open().filter(pk=access.pk).exists():
        return NotAllowedNow("still_open", rules.STILL_OPEN)
    return NotAllowedNow("reviewed_already", rules.REVIEWED_ALREADY)
