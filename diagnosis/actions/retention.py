"""How long a clinic keeps studies, and asking for what is past that time to be deleted."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from audit.notes import note_detail
from diagnosis.actions.deletion import request_deletion
from diagnosis.audited import note_row
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Deletion, Patient, RetentionRule, Study
from diagnosis.models.deletion import DeletionKind
from diagnosis.rules import records


@transaction.atomic
def change_rule(*, by: User, rule: RetentionRule) -> None:
    require(by, Permission.MANAGE_CLINIC, rule.clinic)
    rule.full_clean()
    rule.save()
    note_detail(years=str(rule.years or ""), until_age=str(rule.until_age or ""))


def request_past(*, by: User, clinic: Clinic, patients: Collection[UUID]) -> int:
    """Ask for every study of the patients to be deleted. Returns how many; leaves out what may not be deleted now."""
    require(by, Permission.MANAGE_CLINIC, clinic)
    asked = 0
    for patient in Patient.objects.visible_to(by).filter(clinic=clinic, pk__in=patients).select_related("clinic"):
        note_row(patient)
        asked += sum(_request(by, study) for study in _there(patient))
    return asked


def _there(patient: Patient) -> list[Study]:
    """Also what was taken back before the record it was with was merged into this one, and stays there."""
    gone = Deletion.objects.filter(dropped_at=None).values("study")
    found = Study.with_withdrawn.filter(patient__in=records.joined({patient.pk})).exclude(pk__in=gone)
    return list(found.select_related("clinic", "patient"))


def _request(by: User, study: Study) -> bool:
    with suppress(NotAllowedNow):
        request_deletion(by=by, study=study, kind=DeletionKind.RETENTION, reason=gettext("Past its retention period"))
        return True
    return False
