"""Emergency accesses for those who review them: who, why, and how much was looked at."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from audit.models import AuditEvent
from audit.vocabulary import Outcome
from diagnosis.models import Confidentiality, EmergencyAccess, Patient
from diagnosis.models.confidentiality import EmergencyAccessQuerySet
from diagnosis.rules import confidentiality as rules


@dataclass(frozen=True)
class Looked:
    """One access; `count` entries of the audit trail say what the person did with the patient's data meanwhile."""

    access: EmergencyAccess
    count: int


def of_clinics(clinics: Iterable[uuid.UUID]) -> EmergencyAccessQuerySet:
    """The newest first."""
    found = EmergencyAccess.objects.filter(patient__clinic__in=list(clinics))
    return found.select_related("patient__clinic", "person", "reviewed_by")


def looked(access: EmergencyAccess) -> Looked:
    """Without refusals, and without the request that opened the record."""
    between = AuditEvent.objects.filter(person=access.person_id, at__gt=access.begun_at, at__lte=access.over_at)
    done = between.about(access.patient_id).filter(outcome=Outcome.SUCCESS, route__startswith="GET")
    return Looked(access, done.count())


@dataclass(frozen=True)
class Kept:
    """A confidential record: how many see it, and whether an examination of it waits for a reader who may."""

    patient: Patient
    named: int
    lacks_reader: bool


def kept(clinics: Iterable[uuid.UUID]) -> list[Kept]:
    """The confidential records in use, by number."""
    marked = Confidentiality.objects.standing().values("patient")
    records = Patient.objects.current().filter(pk__in=marked, clinic__in=list(clinics)).select_related("clinic")
    return [
        Kept(one, rules.named(one.pk).count(), rules.lacks_reader(one))
        for one in records.order_by("medical_record_number")
    ]
