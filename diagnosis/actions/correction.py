from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from audit.notes import note_detail
from diagnosis.actions.regrouping import begin_anew, lock_patients, put_back
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Correction, NamedPerson, Patient
from diagnosis.models.confidentiality import is_confidential
from diagnosis.models.correction import CorrectionKind
from diagnosis.patients.history import reason_code
from diagnosis.reviews.missing_readers import tell_of_missing_reader
from diagnosis.rules import corrections
from diagnosis.rules.confidentiality import at_work, records, require_alike
from diagnosis.scans import regrouping


@transaction.atomic
def move_scans(*, by: User, source: Patient, scans: Iterable[UUID], target: Patient, reason: str) -> Correction:
    """Give scans that were attached to `source` by mistake to `target`; all of them or none.

    A signed report stays as it was signed. Raises Refusal or NotAllowedNow with a sentence.
    """
    require(by, Permission.MANAGE_CLINIC, source.clinic)
    lock_patients(source.pk, target.pk)
    corrections.require_pair(source, target, reason)
    keys = sorted(set(scans))
    if not keys:
        raise NotAllowedNow("nothing_chosen", corrections.NOTHING_CHOSEN)
    correction = _move(CorrectionKind.MOVE_SCAN, keys, source, target, by=by, reason=reason)
    _remember(source, "moved_away", target, by=by, count=len(keys))
    _remember(target, "moved_here", source, by=by, count=len(keys))
    return correction


@transaction.atomic
def merge_patients(*, by: User, source: Patient, target: Patient, reason: str) -> Correction:
    """Join two records of one person: every scan of `source` goes to `target`, and `source` says where it went."""
    require(by, Permission.MANAGE_CLINIC, source.clinic)
    lock_patients(source.pk, target.pk)
    corrections.require_pair(source, target, reason)
    require_alike(source, target)
    _share_named(source, target, by=by)
    keys = sorted(source.scans.values_list("pk", flat=True))
    correction = _move(CorrectionKind.MERGE_PATIENTS, keys, source, target, by=by, reason=reason)
    if not Patient.objects.current().filter(pk=source.pk).update(merged_into=target):
        raise NotAllowedNow("changed_meanwhile", corrections.CHANGED_MEANWHILE)
    _remember(source, "merged_away", target, by=by)
    _remember(target, "merged_here", source, by=by)
    return correction


@transaction.atomic
def undo_correction(*, by: User, correction: Correction) -> Correction:
    """Put everything back where it was. Scans that came to the target by another way stay there.

    Where a part of a study goes back to its patient it joins its study again, unless it was read as a study of its own
    meanwhile: then it stays one.
    """
    if not corrections.may_undo(by, correction):
        require(by, Permission.MANAGE_CLINIC, correction.clinic)
    source, target = correction.source, correction.target
    lock_patients(source.pk, target.pk)
    _mark_undone(correction, by=by)
    if correction.of_studies:
        return _undo_between_studies(correction, by=by)
    if correction.kind == CorrectionKind.MERGE_PATIENTS:
        _part(source, target)
    _give(correction.moved, target, source, by=by)
    put_back(correction, by=by)
    _remember(source, "undone", target, by=by)
    _remember(target, "undone", source, by=by)
    correction.refresh_from_db()
    return correction


def _undo_between_studies(correction: Correction, *, by: User) -> Correction:
    if not put_back(correction, by=by):
        raise NotAllowedNow("changed_meanwhile", corrections.CHANGED_MEANWHILE)
    correction.refresh_from_db()
    return correction


def _move(
    kind: CorrectionKind, keys: list[UUID], source: Patient, target: Patient, *, by: User, reason: str
) -> Correction:
    corrections.require_unread(keys)
    places = regrouping.places_of(keys)
    _give(keys, source, target, by=by)
    return Correction.objects.create(
        clinic=source.clinic,
        kind=kind,
        source=source,
        target=target,
        scans=[str(key) for key in keys],
        places={str(image): str(series) for image, series in places.items()},
        reason=reason.strip()[:400],
        made_by=by,
    )


def _give(keys: list[UUID], source: Patient, target: Patient, *, by: User) -> None:
    """Whatever is not with `source` any more refuses the whole."""
    there = list(at_work(target).values_list("pk", flat=True))
    changed = regrouping.give(keys, source=source, target=target)
    if changed is None:
        raise NotAllowedNow("changed_meanwhile", corrections.CHANGED_MEANWHILE)
    for study in changed:
        begin_anew(study, by=by)
    if is_confidential(target.pk):
        _name_arrivals(source, target, there, by=by)
        tell_of_missing_reader(target)


def _share_named(source: Patient, target: Patient, *, by: User) -> None:
    """Whoever was named for one of two closed records is named for both: none of them loses what they saw."""
    keys = {*NamedPerson.objects.filter(patient__in=(source, target)).values_list("user", flat=True)}
    _name(keys, [*records(source.pk), *records(target.pk)], by=by)


def _name_arrivals(source: Patient, target: Patient, there: list[UUID], *, by: User) -> None:
    """Whoever has work in hand that came to a closed record is named for it, as they are where one is marked.

    An emergency access to `source` names nobody: it would make itself permanent.
    """
    coming = at_work(target).exclude(pk__in=there)
    if is_confidential(source.pk):
        coming = coming.filter(pk__in=NamedPerson.objects.filter(patient=source).values("user"))
    _name(coming.values_list("pk", flat=True), list(records(target.pk)), by=by)


def _name(people: Iterable[UUID], patients: Iterable[UUID], *, by: User) -> None:
    named = [NamedPerson(patient_id=key, user_id=one, named_by=by) for one in people for key in patients]
    if named:
        NamedPerson.objects.bulk_create(named, ignore_conflicts=True)
        note_detail(confidential="named", named=" ".join(sorted({str(one.user_id) for one in named})))


def _mark_undone(correction: Correction, *, by: User) -> None:
    if blocked_reason := corrections.undo_blocked_reason(Correction.objects.get(pk=correction.pk)):
        raise NotAllowedNow("not_undoable", blocked_reason)
    corrections.require_unread(correction.moved)
    standing = Correction.objects.standing().filter(pk=correction.pk)
    if not standing.update(undone_by=by, undone_at=timezone.now()):
        raise NotAllowedNow("not_undoable", corrections.ALREADY_UNDONE)


def _part(source: Patient, target: Patient) -> None:
    if not Patient.objects.filter(pk=source.pk, merged_into=target).update(merged_into=None):
        raise NotAllowedNow("changed_meanwhile", corrections.CHANGED_MEANWHILE)


def _remember(patient: Patient, what: str, other: Patient, *, by: User, count: int = 0) -> None:
    """A line in the record's history; the whole reason stands in the correction."""
    reason = reason_code(what, other.medical_record_number, count)
    now = Patient.objects.get(pk=patient.pk)
    Patient.history.bulk_history_create([now], update=True, default_user=by, default_change_reason=reason)
