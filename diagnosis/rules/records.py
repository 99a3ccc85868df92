"""Which records are of one person, by merges, and which ones images of a study were with before, by corrections."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from diagnosis.models import Correction, Patient, Scan, Series, Study
from diagnosis.models.patient import PatientQuerySet


@dataclass(frozen=True)
class Origin:
    """Of a study: the keys of its images, of every record that they are or were with, and of studies they were in.

    Images that were taken back count, and so do corrections that were undone.
    """

    images: frozenset[str]
    records: frozenset[UUID]
    studies: frozenset[UUID]


def joined(patients: Collection[UUID]) -> set[UUID]:
    """The patients, and every record that merges join with one of them, in either direction."""
    found, more = set(patients), set(patients)
    while more:
        touched = Patient.objects.filter(Q(pk__in=more) | Q(merged_into__in=more)).values_list("pk", "merged_into")
        more = {key for pair in touched for key in pair if key} - found
        found |= more
    return found


def joined_apart(patients: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    """Of each of the patients by its key: every record that merges join with it. As many queries as for one of them."""
    everybody = joined(patients)
    into = dict(Patient.objects.filter(pk__in=everybody, merged_into__isnull=False).values_list("pk", "merged_into"))
    last = {key: _end(key, into) for key in everybody}  # type: ignore[arg-type]
    persons: dict[UUID, set[UUID]] = {}
    for key, end in last.items():
        persons.setdefault(end, set()).add(key)
    return {key: frozenset(persons[last[key]]) for key in patients}


def living(patients: PatientQuerySet) -> dict[UUID, UUID]:
    """Of those that were merged: the record in use that each one became, where the ones between are among them too."""
    pairs = patients.filter(merged_into__isnull=False).values_list("pk", "merged_into")
    into = {key: other for key, other in pairs if other}
    return {key: _end(key, into) for key in into}


def origin_of(study: Study) -> Origin:
    pks = Scan.with_withdrawn.filter(series__study=study).order_by().values_list("pk", flat=True)
    images = frozenset(map(str, pks))
    found = joined({study.patient_id})
    more, moves = set(found), list[Correction]()
    while more:
        made = _moves(images, more)
        more = joined({key for one in made for key in (one.source_id, one.target_id)}) - found
        found |= more
        moves += made
    return Origin(images, frozenset(found), _studies(images, moves))


def _end(key: UUID, into: dict[UUID, UUID]) -> UUID:
    while key in into:
        key = into[key]
    return key


def _moves(images: frozenset[str], patients: Collection[UUID]) -> list[Correction]:
    # Compared here: SQLite cannot look into a JSON list.
    between = Correction.objects.filter(Q(source__in=patients) | Q(target__in=patients))
    return [one for one in between if not images.isdisjoint(one.scans)]


def _studies(images: frozenset[str], moves: Iterable[Correction]) -> frozenset[UUID]:
    series = {UUID(place) for one in moves for image, place in one.places.items() if image in images}
    return frozenset(Series.objects.filter(pk__in=series).order_by().values_list("study", flat=True))
