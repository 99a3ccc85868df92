"""Erase a study for good: one person asks, another one confirms. Then the files go, and the row says what was there."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.dispatch import Signal
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from audit.notes import note_detail, note_event
from audit.vocabulary import Action, Event
from diagnosis.actions.regrouping import lock_patients
from diagnosis.actions.withdrawal import close_study, forget_results, hold_study
from diagnosis.errors import NotAllowedNow
from diagnosis.models import (
    Analysis,
    Deletion,
    Draft,
    Follow,
    Report,
    Review,
    Scan,
    Series,
    Study,
    StudyChange,
    Withdrawal,
)
from diagnosis.models.deletion import DeletionKind
from diagnosis.rules import deletions, records
from diagnosis.scans import erasing

# Sent with `study` while its words are still there, in the transaction that erases them: whoever keeps more of it, goes
# along.
study_erased = Signal()

# What a file or a person said of it. Hashes, sizes and dates stay.
OF_SCAN: dict[str, Any] = {
    **dict.fromkeys(("original_name", "study_instance_uid", "series_instance_uid", "sop_instance_uid"), ""),
    **dict.fromkeys(("accession_number", "body_part", "view_position"), ""),
    **dict.fromkeys(("instance_number", "row_spacing", "column_spacing", "slice_position"), None),
    "identity_differences": [],
    "not_classified_params": {},
}
OF_STUDY: dict[str, Any] = {
    **dict.fromkeys(("study_instance_uid", "accession_number", "description", "referring_physician", "ward"), ""),
    **dict.fromkeys(("clinical_question", "symptoms"), ""),
    "ordered_by": None,
    "from_file": [],
}
OF_SERIES: dict[str, Any] = {"series_instance_uid": "", "description": "", "body_part": "", "number": None}


@transaction.atomic
def request_deletion(*, by: User, study: Study, reason: str, kind: str = DeletionKind.MISTAKE) -> Deletion:
    """Ask for the study to be erased; nothing changes until another person confirms. Raises NotAllowedNow."""
    deletions.require_requester(study, by)
    if kind == DeletionKind.RETENTION:
        require(by, Permission.MANAGE_CLINIC, study.clinic)
    if not reason.strip():
        raise NotAllowedNow("reason_needed", deletions.REASON_NEEDED)
    _hold(study)
    deletions.require_deletable(study, kind)
    try:
        with transaction.atomic():
            return Deletion.objects.create(study=study, kind=kind, reason=reason.strip()[:400], requested_by=by)
    except IntegrityError as error:
        raise NotAllowedNow("already_asked", deletions.ALREADY) from error


@transaction.atomic
def drop_deletion(*, by: User, deletion: Deletion) -> None:
    """Nothing is deleted after all: by whoever asked for it, or an administrator."""
    if deletion.requested_by_id != by.pk:
        require(by, Permission.MANAGE_CLINIC, deletion.study.clinic)
    waiting = Deletion.objects.waiting().filter(pk=deletion.pk)
    if not waiting.update(dropped_by=by, dropped_at=timezone.now()):
        raise NotAllowedNow("not_open", deletions.NOT_OPEN)


@transaction.atomic
def confirm_deletion(*, by: User, deletion: Deletion, seen: str) -> None:
    """Erase the study: a person other than the one who asked, who saw its `contents`. Cannot be undone.

    Raises PermissionDenied and NotAllowedNow. Once this is committed the files go; where that fails, a sweep goes on.
    """
    study = Study.with_withdrawn.select_related("clinic", "patient").get(pk=deletion.study_id)
    require(by, Permission.MANAGE_CLINIC, study.clinic)
    _hold(study)
    list(Report.objects.select_for_update().filter(study=study))
    if seen != deletions.contents(study):
        raise NotAllowedNow("changed_meanwhile", deletions.CHANGED)
    deletions.require_deletable(study, deletion.kind)
    deletions.require_known(deletion, by)
    _confirm(deletion, by=by)
    _put_out_of_sight(study, deletion, by=by)
    study_erased.send(Deletion, study=study)
    _forget_words(study)
    note_event(Event.RECORD, Action.DELETE)
    note_detail(requested_by=str(deletion.requested_by_id), confirmed_by=str(by.pk))
    confirmed = Deletion.objects.select_related("study").get(pk=deletion.pk)
    transaction.on_commit(lambda: erasing.erase(confirmed))


def _hold(study: Study) -> None:
    """Every record whose legal hold counts, so that none is set meanwhile, and the study's cases."""
    held = records.origin_of(study).records
    lock_patients(*held)
    study.refresh_from_db()
    if not records.origin_of(study).records <= held:
        # Locking more now would be in another order than everybody else's.
        raise NotAllowedNow("changed_meanwhile", deletions.CHANGED)
    hold_study(study)


def _confirm(deletion: Deletion, *, by: User) -> None:
    waiting = Deletion.objects.waiting().filter(pk=deletion.pk)
    if waiting.exclude(requested_by=by).update(confirmed_by=by, confirmed_at=timezone.now()):
        return
    if waiting.exists():
        raise NotAllowedNow("two_people", deletions.TWO_PEOPLE)
    raise NotAllowedNow("not_open", deletions.NOT_OPEN)


def _put_out_of_sight(study: Study, deletion: Deletion, *, by: User) -> None:
    """As if all of it had been taken back, so that no list, page or worker meets it any more."""
    forget_results(study, by=by)
    standing = Scan.objects.filter(series__study=study)
    keys = [str(pk) for pk in standing.values_list("pk", flat=True)]
    if not keys and study.withdrawal_id:
        return
    made = Withdrawal.objects.create(
        clinic=study.clinic, study=study, scans=keys, reason=deletion.reason, made_by=deletion.requested_by
    )
    Scan.objects.filter(pk__in=keys).update(withdrawal=made)
    close_study(study, made, by=by)


def _forget_words(study: Study) -> None:
    """What was typed or came in a header, on every row that remains."""
    Study.with_withdrawn.filter(pk=study.pk).update(**OF_STUDY)
    Scan.with_withdrawn.filter(pk__in=list(deletions.images(study).values_list("pk", flat=True))).update(**OF_SCAN)
    Series.objects.filter(study=study).update(**OF_SERIES)
    StudyChange.objects.filter(study=study).update(before="", after="")
    Analysis.objects.filter(study=study).update(failure_detail="", failure_params={})
    Draft.objects.filter(review__in=list(Review.objects.filter(study=study))).delete()
    Follow.objects.filter(study=study).delete()
