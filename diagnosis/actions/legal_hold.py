"""Keep everything of a patient, whatever else would have it deleted."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis.errors import NotAllowedNow
from diagnosis.models import LegalHold, Patient
from diagnosis.rules import deletions
from diagnosis.rules.corrections import require_current

HELD_ALREADY = gettext_noop("There is a legal hold on this patient already.")
LIFTED_ALREADY = gettext_noop("This legal hold was already lifted.")


@transaction.atomic
def set_hold(*, by: User, patient: Patient, reason: str) -> LegalHold:
    """From now on nothing of the patient is deleted. Raises NotAllowedNow where there is a hold already."""
    require(by, Permission.MANAGE_CLINIC, patient.clinic)
    if not reason.strip():
        raise NotAllowedNow("reason_needed", deletions.REASON_NEEDED)
    # A confirmation that runs now ends first; one that comes later meets the hold.
    list(Patient.objects.select_for_update().filter(pk=patient.pk))
    require_current(patient)
    try:
        with transaction.atomic():
            return LegalHold.objects.create(patient=patient, reason=reason.strip()[:400], made_by=by)
    except IntegrityError as error:
        raise NotAllowedNow("held_already", HELD_ALREADY) from error


@transaction.atomic
def lift_hold(*, by: User, hold: LegalHold) -> None:
    require(by, Permission.MANAGE_CLINIC, hold.patient.clinic)
    if not LegalHold.objects.standing().filter(pk=hold.pk).update(undone_by=by, undone_at=timezone.now()):
        raise NotAllowedNow("lifted_already", LIFTED_ALREADY)
