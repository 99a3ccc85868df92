"""Studies that are erased for good: who may ask for it, what forbids it, and what remains to be said of them."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.models import Membership, User
from accounts.permissions import Permission, allowed, require
from diagnosis.audited import note_row
from diagnosis.errors import Deleted, NotAllowedNow
from diagnosis.models import CriticalResult, Deletion, LegalHold, Patient, Report, Review, Scan, Study
from diagnosis.models.deletion import DeletionKind, DeletionQuerySet
from diagnosis.models.legal_hold import LegalHoldQuerySet
from diagnosis.models.scan import ScanQuerySet
from diagnosis.rules import records, retention
from diagnosis.rules.records import Origin
from diagnosis.states import ReportStatus, ReviewStatus

HELD = gettext_noop("There is a legal hold on this patient. Nothing of the patient can be deleted until it is lifted.")
HELD_BEFORE = gettext_noop(
    "There is a legal hold on a record that images of this study were with before. They cannot be deleted until it is "
    "lifted."
)
REPORTED = gettext_noop(
    "There is a report on this study, so it cannot be deleted. If the report is of the wrong patient or examination, "
    "have it signed and marked as entered in error first."
)
BEING_READ = gettext_noop("A radiologist is reading this study. Wait until it is decided or given back.")
CRITICAL = gettext_noop(
    "A critical result of this study was sent to somebody. Have it withdrawn first, so that they hear of the mistake."
)
NOT_PAST = gettext_noop("This patient’s studies are not past their retention period any more. Nothing was deleted.")
ALREADY = gettext_noop("Somebody has already asked for this study to be deleted.")
NOT_OPEN = gettext_noop("This request was already confirmed or withdrawn.")
TWO_PEOPLE = gettext_noop("You asked for this deletion yourself. Another administrator of the clinic must confirm it.")
TOO_NEW = gettext_noop(
    "Whoever asks for a deletion and whoever confirms it must have been in the clinic for seven days. One of the two "
    "has not."
)
CHANGED = gettext_noop("The study was changed since you looked at it. Nothing was deleted; look at it again.")
REASON_NEEDED = gettext_noop("Give a reason. It is kept with what remains of the study.")
GONE = gettext_noop("The study was deleted, so its images cannot be restored.")
KNOWN_AFTER = timedelta(days=7)
# From a row to its study, where an old address leads to one.
STUDY_OF = {
    "Study": "pk",
    "Scan": "series__study",
    **dict.fromkeys(("Analysis", "Review", "CriticalResult", "Withdrawal"), "study"),
    **dict.fromkeys(("Prediction", "EnsemblePrediction"), "analysis__study"),
}


def may_request(study: Study, by: User) -> bool:
    """Whoever uploads, and the clinic's administrators; of a study that was taken back, the latter alone."""
    if allowed(by, Permission.MANAGE_CLINIC, study.clinic):
        return True
    return study.withdrawal_id is None and allowed(by, Permission.UPLOAD_SCAN, study.clinic)


def require_requester(study: Study, by: User) -> None:
    """Raise PermissionDenied unless `may_request`."""
    if not may_request(study, by):
        require(by, Permission.UPLOAD_SCAN, study.clinic)
        raise PermissionDenied


def require_known(deletion: Deletion, by: User) -> None:
    """Raise NotAllowedNow unless asking and confirming person have been in the clinic for a while.

    Whoever administers a clinic can invite an address of their own; this leaves the others time to see it.
    """
    long_there = Membership.objects.filter(
        clinic=deletion.study.clinic_id, created_at__lte=timezone.now() - KNOWN_AFTER
    )
    known = set(long_there.filter(user__in=(by.pk, deletion.requested_by_id)).values_list("user", flat=True))
    if known != {by.pk, deletion.requested_by_id}:
        raise NotAllowedNow("too_new", TOO_NEW)


def blocked_reason(study: Study, kind: str) -> str:
    """Why the study cannot be deleted now, to be translated; empty when it can."""
    origin = records.origin_of(study)
    if LegalHold.objects.standing().filter(patient__in=origin.records).exists():
        return HELD if holds_on(study.patient).exists() else HELD_BEFORE
    if Review.objects.filter(study=study, status=ReviewStatus.CLAIMED).exists():
        return BEING_READ
    if kind == DeletionKind.RETENTION:
        return "" if retention.is_past(study.patient) else NOT_PAST
    if _is_reported(study, origin):
        return REPORTED
    return CRITICAL if CriticalResult.objects.standing().filter(study=study).exists() else ""


def _is_reported(study: Study, origin: Origin) -> bool:
    """Whether a report stands that is of the study, or of another one that its images were in when it was signed."""
    standing = Report.objects.filter(entered_in_error=None)
    if standing.filter(study=study).exists():
        return True
    near = Q(study__in=origin.studies) | Q(study__patient__in=origin.records)
    others = standing.filter(near, status=ReportStatus.FINAL).exclude(study=study)
    return any(not origin.images.isdisjoint(one.rests_on) for one in others)


def require_deletable(study: Study, kind: str) -> None:
    if reason := blocked_reason(study, kind):
        raise NotAllowedNow("not_deletable", reason)


def holds_on(patient: Patient) -> LegalHoldQuerySet:
    """The standing legal holds on the patient, and on every record that merges join with this one."""
    return LegalHold.objects.standing().filter(patient__in=records.joined({patient.pk}))


def images(study: Study) -> ScanQuerySet:
    """All that goes with the study: also images that were taken back from it."""
    return Scan.with_withdrawn.filter(series__study=study).order_by("uploaded_at", "pk")


def contents(study: Study) -> str:
    """SHA-256 over the keys of the images, as hexadecimal digits: whoever brings it back has seen exactly these."""
    keys = " ".join(sorted(pk.hex for pk in images(study).values_list("pk", flat=True)))
    return hashlib.sha256(f"{study.patient_id} {keys}".encode()).hexdigest()


def require_there(kind: type[Model], pk: uuid.UUID, among: DeletionQuerySet) -> None:
    """Raise Deleted where `pk` was once a row of a study that one of `among` deleted: those that the person may see."""
    path = STUDY_OF.get(kind.__name__)
    study = path and kind._base_manager.filter(pk=pk).values_list(path, flat=True).first()
    if not study:
        return
    related = ("study__patient", "requested_by", "confirmed_by")
    gone = among.confirmed().filter(study=study).select_related(*related).first()
    if gone:
        note_row(gone)
        raise Deleted(gone)


def is_deleted(study: uuid.UUID) -> bool:
    return Deletion.objects.confirmed().filter(study=study).exists()
