from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from diagnosis.models import Patient
from diagnosis.rules.corrections import require_current


@transaction.atomic
def register_patient(*, by: User, clinic: Clinic, **fields: Any) -> Patient:
    """Create a patient of `clinic`. Raises ValidationError when a field is wrong or the number is taken."""
    require(by, Permission.EDIT_PATIENT, clinic)
    patient = Patient(clinic=clinic, created_by=by, **fields)
    return _save(patient, by=by, reason="registered")


@transaction.atomic
def amend_patient(*, by: User, patient: Patient, reason: str = "amended", **fields: Any) -> Patient:
    """Change the record; the earlier version stays in its history with who and when."""
    require(by, Permission.EDIT_PATIENT, patient.clinic)
    require_current(patient)
    for name, value in fields.items():
        setattr(patient, name, value)
    return _save(patient, by=by, reason=reason)


def _save(patient: Patient, *, by: User, reason: str) -> Patient:
    patient.full_clean(exclude=["search_key"])
    patient._history_user = by  # type: ignore[attr-defined]
    patient._change_reason = reason  # type: ignore[attr-defined]
    patient.save()
    return patient
