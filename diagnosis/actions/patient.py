from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from diagnosis.errors import PossibleDuplicates
from diagnosis.models import Patient
from diagnosis.patients.duplicates import possible_duplicates
from diagnosis.rules.corrections import require_current


@transaction.atomic
def register_patient(*, by: User, clinic: Clinic, **fields: Any) -> Patient:
    """Create a patient of `clinic`. Raises ValidationError when a field is wrong or the number is taken."""
    require(by, Permission.EDIT_PATIENT, clinic)
    return receive_patient(by=by, clinic=clinic, **fields)


@transaction.atomic
def receive_patient(*, by: User, clinic: Clinic, **fields: Any) -> Patient:
    """The same for a system that registers the clinic's patients: asks for no permission."""
    patient = Patient(clinic=clinic, created_by=by, **fields)
    return _save(patient, by=by, reason="registered")


@transaction.atomic
def register_compared_patient(*, by: User, clinic: Clinic, compared: Collection[UUID] = (), **fields: Any) -> Patient:
    """As `register_patient`, once a person has looked at the records that may be of the same person.

    `compared` are the keys of those that are of somebody else. Raises PossibleDuplicates, which names only records that
    `by` may see, for any further one; ValidationError comes first, since a number that is taken names its record.
    """
    require(by, Permission.EDIT_PATIENT, clinic)
    patient = _cleaned(Patient(clinic=clinic, created_by=by, **fields))
    others = Patient.objects.visible_to(by).in_clinic(clinic).current().exclude(pk__in=compared)
    if alike := possible_duplicates(patient, others):
        raise PossibleDuplicates(alike)
    return _save(patient, by=by, reason="registered")


@transaction.atomic
def amend_patient(*, by: User, patient: Patient, reason: str = "amended", **fields: Any) -> Patient:
    """Change the record; the earlier version stays in its history with who and when."""
    require(by, Permission.EDIT_PATIENT, patient.clinic)
    return receive_amendment(by=by, patient=patient, reason=reason, **fields)


@transaction.atomic
def receive_amendment(*, by: User, patient: Patient, reason: str = "amended", **fields: Any) -> Patient:
    """The same for a system that registers the clinic's patients: asks for no permission.

    The record is read again and held first: of an older copy only the named fields go into it, and no merge is undone.
    """
    patient.refresh_from_db(from_queryset=Patient.objects.select_for_update())
    require_current(patient)
    for name, value in fields.items():
        setattr(patient, name, value)
    return _save(patient, by=by, reason=reason)


def _save(patient: Patient, *, by: User, reason: str) -> Patient:
    _cleaned(patient)
    patient._history_user = by  # type: ignore[attr-defined]
    patient._change_reason = reason  # type: ignore[attr-defined]
    patient.save()
    return patient


def _cleaned(patient: Patient) -> Patient:
    patient.full_clean(exclude=["search_key"])
    return patient
