"""Mark a record as confidential, say who sees it, and lift the mark."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from accounts.permissions import Permission, require
from audit.notes import note_detail
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Confidentiality, NamedPerson, Patient
from diagnosis.reviews.missing_readers import tell_of_missing_reader
from diagnosis.reviews.second_looks import give_back_unseen
from diagnosis.rules import confidentiality as rules
from diagnosis.rules.corrections import require_current

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import Membership, User


@transaction.atomic
def mark_confidential(*, by: User, patient: Patient, people: Collection[UUID] = ()) -> list[User]:
    """Close the record, and those merged into it, to all but `by`, `people` and whoever has work in hand.

    Returns who sees it. Raises NotAllowedNow where it is closed already.
    """
    rules.require_keeper(by, patient)
    _lock(patient)
    require_current(patient)  # after the lock: a merge may just have ended
    keys = list(rules.records(patient.pk))
    marked = set(Confidentiality.objects.standing().filter(patient__in=keys).values_list("patient", flat=True))
    if patient.pk in marked:
        raise NotAllowedNow("marked_already", rules.MARKED_ALREADY)
    Confidentiality.objects.bulk_create(
        Confidentiality(patient_id=key, marked_by=by) for key in keys if key not in marked
    )
    at_work = set(rules.at_work(patient).values_list("pk", flat=True))
    seeing = _name({by.pk, *people, *at_work}, by=by, patient=patient)
    note_detail(confidential="marked", named=_keys(seeing))
    tell_of_missing_reader(patient)
    return seeing


@transaction.atomic
def name_people(*, by: User, patient: Patient, people: Collection[UUID]) -> list[User]:
    """Let `people` see the record. Raises Refusal for somebody who may not view patients in its clinic."""
    rules.require_keeper(by, patient)
    _lock(patient)
    _require_confidential(patient)
    seeing = _name(set(people), by=by, patient=patient)
    note_detail(confidential="named", named=_keys(seeing))
    return seeing


@transaction.atomic
def remove_named(*, by: User, patient: Patient, person: UUID) -> None:
    """Somebody does not see the record any more; somebody else must."""
    rules.require_keeper(by, patient)
    _lock(patient)
    _require_confidential(patient)
    here = NamedPerson.objects.filter(patient__in=list(rules.records(patient.pk)))
    # Somebody who left the clinic sees it no more than nobody.
    others = here.filter(patient=patient, user__in=rules.colleagues(patient)).exclude(user=person)
    if not others.exists():
        raise NotAllowedNow("last_named", rules.LAST_NAMED)
    here.filter(user=person).delete()
    note_detail(confidential="removed", named=str(person))
    give_back_unseen([patient.pk])
    tell_of_missing_reader(patient)


@transaction.atomic
def forget_leaver(membership: Membership, **_signal: Any) -> None:
    """Somebody left the clinic: who comes back years later is not named for what they once saw.

    They may have been the only one. The administrators are told where something waits for a reader.
    """
    theirs = NamedPerson.objects.filter(user=membership.user_id, patient__clinic=membership.clinic_id)
    records = list(Patient.objects.filter(pk__in=theirs.values("patient")))
    if not records:
        return
    theirs.delete()
    note_detail(no_longer_named_for=" ".join(str(one.pk) for one in records))
    give_back_unseen([one.pk for one in records])
    for one in records:
        tell_of_missing_reader(one)


@transaction.atomic
def lift_confidentiality(*, by: User, patient: Patient) -> None:
    """Open the record to the clinic again; for administrators."""
    require(by, Permission.MANAGE_CLINIC, patient.clinic)
    _lock(patient)
    keys = list(rules.records(patient.pk))
    standing = Confidentiality.objects.standing()
    if not standing.filter(patient=patient.pk).update(lifted_by=by, lifted_at=timezone.now()):
        raise NotAllowedNow("not_confidential", rules.NOT_CONFIDENTIAL)
    standing.filter(patient__in=keys).update(lifted_by=by, lifted_at=timezone.now())
    NamedPerson.objects.filter(patient__in=keys).delete()
    note_detail(confidential="lifted")


def _name(keys: set[UUID], *, by: User, patient: Patient) -> list[User]:
    people = list(rules.colleagues(patient).filter(pk__in=keys))
    if len(people) != len(keys):
        raise Refusal("not_a_member", rules.NOT_A_MEMBER)
    NamedPerson.objects.bulk_create(
        (NamedPerson(patient_id=key, user=one, named_by=by) for key in rules.records(patient.pk) for one in people),
        ignore_conflicts=True,
    )
    return people


def _require_confidential(patient: Patient) -> None:
    if not Confidentiality.objects.standing().filter(patient=patient).exists():
        raise NotAllowedNow("not_confidential", rules.NOT_CONFIDENTIAL)


def _lock(patient: Patient) -> None:
    list(Patient.objects.select_for_update().filter(pk=patient.pk))


def _keys(people: list[User]) -> str:
    return " ".join(str(one.pk) for one in people)
