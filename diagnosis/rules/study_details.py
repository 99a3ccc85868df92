"""What is known of an examination beside its images: who may change it, until when, and who did."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import Permission, allowed
from diagnosis.models import Report, Scan, Study, StudyChange
from diagnosis.states import ReportStatus

NOT_YOURS = gettext_noop(
    "Only the person who uploaded this study, or the clinic’s administrator, may change its date and its request."
)
SIGNED = gettext_noop("The report of this study is signed, so its date and its request stay as they are.")
DATE_OF_FILE = gettext_noop("The files of this study state its date, which is not changed here.")
FIELDS = {
    "examined_on": _("Date of the examination"),
    "referring_physician": _("Referrer"),
    "ward": _("Ward or practice"),
    "clinical_question": _("Clinical question"),
    "symptoms": _("Symptoms"),
    "priority": _("Priority"),
}


def may_amend(study: Study, by: User) -> bool:
    """Whether it is for `by` to change the study: an uploader of it, or the clinic's administrator."""
    if allowed(by, Permission.MANAGE_CLINIC, study.clinic):
        return True
    own = study.received_from_id == by.pk or Scan.objects.filter(series__study=study, uploaded_by=by).exists()
    return own and allowed(by, Permission.UPLOAD_SCAN, study.clinic)


def blocked_reason(study: Study) -> str:
    """Why nothing may be changed now; empty when it may."""
    signed = Report.objects.filter(study=study, status=ReportStatus.FINAL)
    return gettext(SIGNED) if signed.exists() else ""


def date_is_ours(study: Study) -> bool:
    """Whether a person may say when it was made: no header does."""
    return bool(study.examined_from) or study.examined_at is None


def changes_of(study: Study) -> Iterable[StudyChange]:
    """Every change, the newest first."""
    return StudyChange.objects.filter(study=study).select_related("made_by")
