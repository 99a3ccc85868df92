"""Images that were uploaded by mistake: who may take them back, and until when."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext, gettext_noop

from accounts.models import User
from accounts.permissions import Permission, allowed
from diagnosis.errors import NotAllowedNow
from diagnosis.models import CriticalResult, FirstImpression, Report, Review, Scan, Study, Withdrawal
from diagnosis.models.scan import ScanQuerySet
from diagnosis.states import ReviewStatus

ALREADY_READ = gettext_noop(
    "A radiologist is reading this study, or has read it, so nothing of it can be taken back any more. "
    "Ask the clinic’s administrator to move it if it shows another patient."
)
CRITICAL = gettext_noop(
    "A radiologist has marked a critical result in this study, so nothing of it can be taken back any more. "
    "Ask the clinic’s administrator to move it if it shows another patient."
)
NOT_YOURS = gettext_noop(
    "Only the person who uploaded an image, or the clinic’s administrator, may take it back. Nothing was changed."
)
NOTHING_CHOSEN = gettext_noop("No image was chosen. Nothing was taken back.")
CHANGED_MEANWHILE = gettext_noop("This study was changed meanwhile. Nothing was taken back; look at it again.")
HERE_AGAIN = gettext_noop(
    "One of these files was uploaded again since, so it cannot be restored a second time. Nothing was changed."
)
ALREADY_RESTORED = gettext_noop("These images were already restored.")
# A case that waits has not been begun; one that was withdrawn is not read at all.
UNREAD = (ReviewStatus.WAITING, ReviewStatus.WITHDRAWN)


def blocked_reason(study: Study) -> str:
    """Why nothing of this study may be taken back now; empty when something may.

    A critical result can be marked before anybody claims the case, and must be found where it was marked, withdrawn or
    not.
    """
    if CriticalResult.objects.filter(study=study).exists():
        return gettext(CRITICAL)
    impressions = FirstImpression.objects.filter(review__study=study).values("review")
    begun = Review.objects.filter(study=study).filter(~Q(status__in=UNREAD) | Q(pk__in=impressions))
    return gettext(ALREADY_READ) if begun.exists() or Report.objects.filter(study=study).exists() else ""


def require_unread(study: Study) -> None:
    """Raise NotAllowedNow once a reader has begun with the study, or told somebody of it."""
    if reason := blocked_reason(study):
        raise NotAllowedNow("already_read", reason)


def images_to_take(study: Study, by: User) -> ScanQuerySet:
    """Those of the study that `by` uploaded; all of them for the clinic's administrator."""
    images = Scan.objects.filter(series__study=study)
    if allowed(by, Permission.MANAGE_CLINIC, study.clinic):
        return images
    own = images.filter(uploaded_by=by)
    return own if allowed(by, Permission.UPLOAD_SCAN, study.clinic) else own.none()


def may_take_back(study: Study, by: User) -> bool:
    """Whether `by` may take back any image of the study now."""
    return images_to_take(study, by).exists() and not blocked_reason(study)


def of_study(study: Study) -> list[Withdrawal]:
    """Everything that was ever taken back from the study, the newest first."""
    return list(Withdrawal.objects.filter(study=study).select_related("made_by", "undone_by"))
