"""Take back what was uploaded by mistake, and bring it back. Files and rows stay; they are only out of sight."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from accounts.actors import actor_label
from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis.actions.analysis import analyse_again
from diagnosis.actions.review import read_with
from diagnosis.errors import NotAllowedNow
from diagnosis.messages import Message
from diagnosis.models import Analysis, Notification, Patient, Review, Scan, Study, Withdrawal
from diagnosis.reviews import queue
from diagnosis.rules import deletions, withdrawals
from diagnosis.scans import filing
from diagnosis.states import AnalysisStatus, ReviewStatus

TAKEN_BACK, BROUGHT_BACK = Message("taken_back"), Message("brought_back")


@transaction.atomic
def take_back(*, by: User, study: Study, images: Collection[UUID] | None = None, reason: str = "") -> Withdrawal:
    """Put images of a study that nobody has read yet out of sight: all that `by` may take, or those named.

    What remains of the study is analysed anew; of a study without images nothing is left in any list. Raises
    PermissionDenied for images that somebody else uploaded, and NotAllowedNow once a reader has begun.
    """
    hold_study(study)
    withdrawals.require_unread(study)
    keys = _chosen(study, images, by=by)
    made = Withdrawal.objects.create(
        clinic=study.clinic,
        study=study,
        scans=[str(key) for key in keys],
        reason=reason.strip()[:400],
        made_by=by,
    )
    # Whatever was taken back or moved to another study at this moment refuses the whole.
    if Scan.objects.filter(pk__in=keys, series__study=study).update(withdrawal=made) != len(keys):
        raise NotAllowedNow("changed_meanwhile", withdrawals.CHANGED_MEANWHILE)
    forget_results(study, by=by)
    if Scan.objects.filter(series__study=study).exists():
        _go_on(study, by=by, note=TAKEN_BACK)
    else:
        close_study(study, made, by=by)
    return made


@transaction.atomic
def bring_back(*, by: User, withdrawal: Withdrawal) -> Study:
    """Show the images again, in the study that they were in; it is analysed and read anew. Both stay written."""
    require(by, Permission.MANAGE_CLINIC, withdrawal.clinic)
    study = Study.with_withdrawn.select_related("clinic", "patient").get(pk=withdrawal.study_id)
    hold_study(study)
    if deletions.is_deleted(study.pk):
        raise NotAllowedNow("deleted", deletions.GONE)
    standing = Withdrawal.objects.standing().filter(pk=withdrawal.pk)
    if not standing.update(undone_by=by, undone_at=timezone.now()):
        raise NotAllowedNow("already_restored", withdrawals.ALREADY_RESTORED)
    patient = study.patient.in_use
    Study.with_withdrawn.filter(pk=study.pk).update(withdrawal=None, patient=patient)
    try:
        with transaction.atomic():
            Scan.with_withdrawn.filter(withdrawal=withdrawal).update(withdrawal=None, patient=patient)
    except IntegrityError as error:
        raise NotAllowedNow("here_again", withdrawals.HERE_AGAIN) from error
    study.refresh_from_db()
    _go_on(study, by=by, note=BROUGHT_BACK)
    read_with(by=by, study=study)
    return study


def hold_study(study: Study) -> None:
    """The patient first, as every upload and correction does; then the cases, so that nobody claims one meanwhile."""
    list(Patient.objects.select_for_update().filter(pk=study.patient_id))
    list(Review.objects.select_for_update().filter(study=study).order_by("pk"))


def _chosen(study: Study, images: Collection[UUID] | None, *, by: User) -> list[UUID]:
    allowed = set(withdrawals.images_to_take(study, by).values_list("pk", flat=True))
    asked = allowed if images is None else set(images)
    if not allowed or not asked <= allowed:
        raise PermissionDenied(gettext(withdrawals.NOT_YOURS))
    if not asked:
        raise NotAllowedNow("nothing_chosen", withdrawals.NOTHING_CHOSEN)
    return sorted(asked)


def forget_results(study: Study, *, by: User) -> None:
    """What runs would speak of images that are gone, and what was told of the study is no longer so."""
    for pk in Analysis.objects.open().filter(study=study).values_list("pk", flat=True):
        for source in (AnalysisStatus.QUEUED, AnalysisStatus.RUNNING):
            Analysis.objects.finish(pk, source, AnalysisStatus.CANCELLED, by=actor_label(by), note=TAKEN_BACK)
    Notification.objects.filter(study=study).delete()


def _go_on(study: Study, *, by: User, note: Message) -> None:
    """With other images than before."""
    filing.represent(study)
    analyse_again(by=by, study=study, note=note)
    queue.score_again(study)


def close_study(study: Study, made: Withdrawal, *, by: User) -> None:
    Study.objects.filter(pk=study.pk).update(withdrawal=made)
    for pk in study.reviews.filter(status=ReviewStatus.WAITING).values_list("pk", flat=True):
        Review.objects.move(pk, ReviewStatus.WAITING, ReviewStatus.WITHDRAWN, by=actor_label(by), note=TAKEN_BACK)
