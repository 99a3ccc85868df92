"""Emergency accesses for those who review them: who, why, and how much was looked at."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Q

from audit.models import AuditEvent
from audit.vocabulary import Event, Outcome
from diagnosis.models import EmergencyAccess, Patient
from diagnosis.models.confidentiality import EmergencyAccessQuerySet
from diagnosis.rules import confidentiality as rules

# More stand on no page.
MOST = 200
# Of the named people: who works in the clinic of the record.
STILL_HERE = Q(
    named_people__user__is_active=True,
    named_people__user__memberships__is_active=True,
    named_people__user__memberships__clinic=F("clinic"),
)


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
    """What was read or taken away: without refusals, and without the request that opened the record."""
    between = AuditEvent.objects.filter(person=access.person_id, at__gt=access.begun_at, at__lte=access.over_at)
    done = between.about(access.patient_id).filter(outcome=Outcome.SUCCESS)
    return Looked(access, done.filter(Q(route__startswith="GET") | Q(event=Event.EXPORT)).count())


@dataclass(frozen=True)
class Kept:
    """A confidential record: how many see it, and whether an examination of it waits for a reader who may."""

    patient: Patient
    named: int
    lacks_reader: bool


def kept(clinics: Iterable[uuid.UUID]) -> list[Kept]:
    """The confidential records in use: those without a reader come first, then by number; at most MOST.

    Only those of whom something waits are asked for its reader.
    """
    records = rules.kept(clinics).select_related("clinic").annotate(named=Count("named_people", filter=STILL_HERE))
    lacking = [one for one in rules.waiting(records)[:MOST] if rules.lacks_reader(one)]
    others = records.exclude(pk__in=[one.pk for one in lacking]).order_by("medical_record_number")[:MOST]
    shown = [(one, True) for one in lacking] + [(one, False) for one in others]
    return [Kept(one, one.named, lacks) for one, lacks in shown[:MOST]]  # type: ignore[attr-defined]  # annotated
