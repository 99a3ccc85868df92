from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Analysis, Dismissal
from diagnosis.states import AnalysisStatus as S

NOT_ENDED = gettext_noop(
    "Only a failed or cancelled analysis can be set aside. Cancel it first, or wait for its result."
)
REASON_NEEDED = gettext_noop("Say why these are set aside; the reason stays with them.")
ALREADY_ASIDE = gettext_noop("This analysis was already set aside.")
NOT_ASIDE = gettext_noop("This analysis is not set aside.")


def set_aside(*, by: User, analysis: Analysis, reason: str) -> Dismissal:
    """Take a failed or cancelled analysis off the administrator's list. Nothing clinical is changed or deleted."""
    require(by, Permission.MANAGE_CLINIC, analysis.study.clinic)
    if not reason.strip():
        raise Refusal("reason_needed", REASON_NEEDED)
    if analysis.status not in (S.FAILED, S.CANCELLED):
        raise NotAllowedNow("not_ended", NOT_ENDED)
    try:
        with transaction.atomic():
            return Dismissal.objects.create(analysis=analysis, reason=reason.strip()[:400], made_by=by)
    except IntegrityError as error:
        raise NotAllowedNow("already_aside", ALREADY_ASIDE) from error


def bring_back(*, by: User, analysis: Analysis) -> None:
    """Put it on the list again; who had set it aside and why is kept."""
    require(by, Permission.MANAGE_CLINIC, analysis.study.clinic)
    standing = Dismissal.objects.standing().filter(analysis=analysis)
    if not standing.update(undone_by=by, undone_at=timezone.now()):
        raise NotAllowedNow("not_aside", NOT_ASIDE)
