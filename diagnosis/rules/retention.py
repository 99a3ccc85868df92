"""Which patients' studies a clinic need not keep any longer. Computed when somebody looks; nothing goes by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Max
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.timezone import localtime

from accounts.models import Clinic
from diagnosis.models import Deletion, LegalHold, Patient, RetentionRule, Study
from diagnosis.models.patient import PatientQuerySet

OF_AGE = 18


@dataclass(frozen=True)
class Past:
    """A patient whose studies are past the clinic's period: the day of the last one, and until when it was kept."""

    patient: Patient
    last: date
    kept_until: date
    is_held: bool
    is_asked: bool


def past(clinic: Clinic, *, today: date | None = None) -> list[Past]:
    """Those of the clinic, the longest past first; nobody where the clinic has no rule."""
    return list(_past(RetentionRule.of(clinic), Patient.objects.filter(clinic=clinic), today or timezone.localdate()))


def is_past(patient: Patient) -> bool:
    rule = RetentionRule.of(patient.clinic)
    return any(_past(rule, Patient.objects.filter(pk=patient.pk), timezone.localdate()))


def without_birth_date(clinic: Clinic, *, today: date | None = None) -> int:
    """How many patients would be past but for their birth date, which nobody knows and the rule asks for."""
    rule = RetentionRule.of(clinic)
    if not (rule.years and rule.until_age):
        return 0
    old = _last_days(Patient.objects.filter(clinic=clinic), years_before(today or timezone.localdate(), rule.years))
    return Patient.objects.filter(pk__in=old, birth_date=None).count()


def kept_until(rule: RetentionRule, last: date, birth_date: date | None) -> date | None:
    """The last day of the period; None: without an end, because it cannot be told or there is no rule."""
    if not rule.years:
        return None
    end = years_after(last, rule.years)
    if not rule.until_age:
        return end
    if birth_date is None:
        return None
    was_minor = last < years_after(birth_date, OF_AGE)
    return max(end, years_after(birth_date, rule.until_age)) if was_minor else end


def years_after(day: date, years: int) -> date:
    """The same day so many years later; the first of March for a 29 February that is not there."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return date(day.year - years, 3, 1)


def _past(rule: RetentionRule, patients: PatientQuerySet, today: date) -> Iterator[Past]:
    if not rule.years:
        return
    last_days = _last_days(patients, years_before(today, rule.years))
    found = Patient.objects.select_related("clinic").in_bulk(list(last_days))
    held = set(LegalHold.objects.standing().filter(patient__in=found).values_list("patient", flat=True))
    asked = set(Deletion.objects.waiting().filter(study__patient__in=found).values_list("study__patient", flat=True))
    for key, last in last_days.items():
        end = kept_until(rule, last, found[key].birth_date)
        if end and end < today:
            yield Past(found[key], last, end, key in held, key in asked)


def _last_days(patients: PatientQuerySet, until: date) -> dict[UUID, date]:
    """Of those whose last examination was on or before `until`: that day, by patient. What was deleted is no more."""
    deleted = Deletion.objects.confirmed().values("study")
    studies = Study.with_withdrawn.filter(patient__in=patients).exclude(pk__in=deleted).order_by().values("patient")
    before = timezone.make_aware(datetime.combine(until + timedelta(days=1), time.min))
    last = studies.annotate(last=Max(Coalesce("examined_at", "received_at"))).filter(last__lt=before)
    return {row["patient"]: localtime(row["last"]).date() for row in last.order_by("last", "patient")}
