"""Who looked at a patient, and looking that is unusual: from the audit trail, in words and names."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from django.db.models import Count, Q
from django.db.models.functions import TruncHour
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, Membership, User
from audit.models import AuditEvent, AuditEventQuerySet
from audit.vocabulary import Event, Outcome
from diagnosis.models import Patient
from diagnosis.models.patient import fold
from diagnosis.rules.confidentiality import records

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# An hour's work at a reading desk is less; a clinic with more than this may well ask why.
MANY_IN_AN_HOUR = 60
NEIGHBOURS = 3
MOST = 20_000
NOBODY = _("Somebody who was not signed in")


@dataclass
class Visit:
    """What one person did with one patient's data on one day. `done`: kinds of entry, with how many there are."""

    day: date
    person: uuid.UUID | None
    name: StrOrPromise
    role: StrOrPromise
    first: datetime
    last: datetime
    done: dict[StrOrPromise, int] = field(default_factory=dict)
    refused: int = 0


def visits(patient: Patient, since: datetime) -> list[Visit]:
    """By day and person, the newest first. Lists on which the patient stood count as lists, and what was seen of a
    record that was merged into this one counts here.
    """
    trail = AuditEvent.objects.filter(at__gte=since).order_by("-at")
    trails = [(trail.about(key)[:MOST], trail.listing(key)[:MOST]) for key in records(patient.pk)]
    return _grouped(patient.clinic, *chain.from_iterable(trails))


def _grouped(clinic: Clinic, *trails: Iterable[AuditEvent]) -> list[Visit]:
    entries = [entry for trail in trails for entry in trail]
    names, roles = _people({entry.person for entry in entries if entry.person}, clinic)
    found: dict[tuple[date, uuid.UUID | None], Visit] = {}
    for entry in entries:
        key = (timezone.localtime(entry.at).date(), entry.person)
        if key not in found:
            name = names.get(entry.person, NOBODY) if entry.person else NOBODY
            role = roles.get(entry.person, "") if entry.person else ""
            found[key] = Visit(*key, name, role, entry.at, entry.at)
        _count(found[key], entry)
    return sorted(found.values(), key=lambda visit: visit.last, reverse=True)


def _count(visit: Visit, entry: AuditEvent) -> None:
    visit.first, visit.last = min(visit.first, entry.at), max(visit.last, entry.at)
    if entry.outcome != Outcome.SUCCESS:
        visit.refused += 1
        return
    what = Event(entry.event).label
    visit.done[what] = visit.done.get(what, 0) + 1


def _people(keys: set[uuid.UUID], clinic: Clinic) -> tuple[dict[uuid.UUID, str], dict[uuid.UUID, StrOrPromise]]:
    names = dict(User.objects.filter(pk__in=keys).values_list("pk", "full_name"))
    memberships = Membership.objects.filter(user__in=keys, clinic=clinic)
    return names, {one.user_id: one.role_class.name for one in memberships}


@dataclass(frozen=True)
class Unusual:
    """Looking that an administrator may want to ask about; it proves nothing."""

    kind: str
    person: User
    at: datetime
    patients: tuple[Patient, ...]
    count: int


def unusual(clinics: Iterable[uuid.UUID], since: datetime, *, by: User) -> list[Unusual]:
    """In patients of these clinics since then: own name, many patients in an hour, several of one family name.

    Without confidential records that are not open to `by`: opening one in an emergency has a list of its own.
    """
    hours = _hours(list(clinics), since)
    patients = Patient.objects.without_hidden(by).in_bulk({key for seen in hours.values() for key in seen})
    people = User.objects.in_bulk({person for person, _hour in hours})
    found = [
        one
        for (person, hour), keys in hours.items()
        if person in people
        for one in _of_an_hour(people[person], hour, [patients[key] for key in keys if key in patients])
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _hours(clinics: list[uuid.UUID], since: datetime) -> dict[tuple[uuid.UUID, datetime], list[uuid.UUID]]:
    """By person and hour: the patients whose data were opened, not only listed."""
    theirs = Patient.objects.filter(clinic__in=clinics).values("pk")
    looked: AuditEventQuerySet = AuditEvent.objects.filter(
        Q(at__gte=since, outcome=Outcome.SUCCESS, person__isnull=False), patient__in=theirs
    ).exclude(event=Event.TRAIL_USED)
    rows = looked.annotate(hour=TruncHour("at")).values_list("person", "hour", "patient").annotate(n=Count("pk"))
    found: dict[tuple[uuid.UUID, datetime], list[uuid.UUID]] = defaultdict(list)
    for person, hour, patient, _n in rows:
        found[person, hour].append(patient)
    return found


def _of_an_hour(person: User, hour: datetime, patients: list[Patient]) -> Iterable[Unusual]:
    own = set(fold(person.full_name).split())
    by_name: dict[str, list[Patient]] = defaultdict(list)
    for patient in patients:
        by_name[fold(patient.family_name)].append(patient)
    if len(patients) >= MANY_IN_AN_HOUR:
        yield Unusual("many", person, hour, (), len(patients))
    for name, several in by_name.items():
        if name and set(name.split()) <= own:
            yield Unusual("own", person, hour, tuple(several), len(several))
        elif len(several) >= NEIGHBOURS:
            yield Unusual("neighbours", person, hour, tuple(several), len(several))


def since(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)
