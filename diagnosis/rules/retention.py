"""Which patients' studies a clinic need not keep any longer. Computed when somebody looks; nothing goes by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Case, Max, Min, Q, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.timezone import localtime

from accounts.models import Clinic, User
from diagnosis.models import Deletion, LegalHold, Patient, RetentionRule, Study
from diagnosis.models.patient import PatientQuerySet
from diagnosis.models.study import ExaminedFrom
from diagnosis.rules import records

OF_AGE = 18


@dataclass(frozen=True)
class Past:
    """A patient whose studies are past the clinic's period: the day of the last one, and until when it was kept."""

    patient: Patient
    last: date
    kept_until: date
    is_held: bool
    is_asked: bool


@dataclass(frozen=True)
class Span:
    """From a person's first examination to the last one."""

    first: datetime
    last: datetime

    def joined_to(self, other: Span) -> Span:
        return Span(min(self.first, other.first), max(self.last, other.last))


def past(clinic: Clinic, *, today: date | None = None, by: User | None = None) -> list[Past]:
    """Those of the clinic, the longest past first; nobody where the clinic has no rule.

    Records that were merged count as the one that they became. Confidential records that are not open to `by` are left
    out, where a person asks.
    """
    patients = Patient.objects.filter(clinic=clinic)
    shown = patients.without_hidden(by) if by else patients
    return list(_past(RetentionRule.of(clinic), shown, today or timezone.localdate()))


def is_past(patient: Patient) -> bool:
    """Whether the person is past, by every record that merges join with this one."""
    rule, whole = RetentionRule.of(patient.clinic), Patient.objects.filter(pk__in=records.joined({patient.pk}))
    return any(_past(rule, whole, timezone.localdate()))


def without_birth_date(clinic: Clinic, *, today: date | None = None) -> int:
    """How many patients would be past but for their birth date, which nobody knows and the rule asks for."""
    rule = RetentionRule.of(clinic)
    if not (rule.years and rule.until_age):
        return 0
    old = _people(Patient.objects.filter(clinic=clinic), years_before(today or timezone.localdate(), rule.years))
    return Patient.objects.filter(pk__in=old, birth_date=None).count()


def kept_until(rule: RetentionRule, last: date, birth_date: date | None, *, first: date | None = None) -> date | None:
    """The last day of the period; None: without an end, because it cannot be told or there is no rule.

    `first`: the day of the first examination, where there were several. All go together, so who was a minor at one of
    them is kept as one.
    """
    if not rule.years:
        return None
    end = years_after(last, rule.years)
    if not rule.until_age:
        return end
    if birth_date is None:
        return None
    was_minor = (first or last) < years_after(birth_date, OF_AGE)
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
    people = _people(patients, years_before(today, rule.years))
    found = Patient.objects.select_related("clinic").in_bulk(list(people))
    became = records.living(patients)
    held = _those(became, LegalHold.objects.standing().filter(patient__in=patients).values_list("patient", flat=True))
    waiting = Deletion.objects.waiting().filter(study__patient__in=patients)
    asked = _those(became, waiting.values_list("study__patient", flat=True))
    for key, span in sorted(people.items(), key=lambda one: (one[1].last, one[0])):
        last = localtime(span.last).date()
        end = kept_until(rule, last, found[key].birth_date, first=localtime(span.first).date())
        if end and end < today:
            yield Past(found[key], last, end, key in held, key in asked)


def _those(became: dict[UUID, UUID], keys: Iterable[UUID]) -> set[UUID]:
    return {became.get(key, key) for key in keys}


def _people(patients: PatientQuerySet, until: date) -> dict[UUID, Span]:
    """Of those whose last examination was on or before `until`: when they were examined, by the record in use."""
    before = timezone.make_aware(datetime.combine(until + timedelta(days=1), time.min))
    people = _spans(patients.filter(merged_into=None, merged_from=None), before) | _merged(patients)
    return {key: span for key, span in people.items() if span.last < before}


def _merged(patients: PatientQuerySet) -> dict[UUID, Span]:
    """Of those who have several records."""
    became, people = records.living(patients), dict[UUID, Span]()
    for record, span in _spans(patients.filter(Q(merged_into__isnull=False) | Q(merged_from__isnull=False))).items():
        key = became.get(record, record)
        people[key] = people[key].joined_to(span) if key in people else span
    return people


def _spans(patients: PatientQuerySet, before: datetime | None = None) -> dict[UUID, Span]:
    """First and last examination by record; only of those whose last one was `before`. What was deleted is no more."""
    deleted = Deletion.objects.confirmed().values("study")
    there = Study.with_withdrawn.filter(patient__in=patients.values("pk")).exclude(pk__in=deleted)
    when = Coalesce("examined_at", "received_at")
    # A date that was guessed from a photograph may be years too early: it makes nobody's period shorter.
    known = Case(When(examined_from=ExaminedFrom.GUESSED, then="received_at"), default=when)
    found = there.order_by().values("patient").annotate(first=Min(when), last=Max(known))
    rows = found.filter(last__lt=before) if before else found
    return {row["patient"]: Span(row["first"], row["last"]) for row in rows}
