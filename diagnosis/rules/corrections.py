"""Scans and records that were with the wrong patient: may they be put right now, and what was put right before."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Correction, Patient, Report, Review, Scan
from diagnosis.models.correction import CorrectionKind
from diagnosis.states import ReportStatus, ReviewStatus

MERGED = gettext_noop("This record was merged into %(record)s. Use that one.")
SAME_PATIENT = gettext_noop("That is the patient it already belongs to. Choose another one.")
OTHER_CLINIC = gettext_noop("Both patients must belong to one clinic. Nothing was changed.")
REASON_NEEDED = gettext_noop("Give a reason. It is kept with the correction.")
NOTHING_CHOSEN = gettext_noop("No scan was chosen. Nothing was moved.")
BEING_READ = gettext_noop(
    "A reader has a case of these scans open. Wait until it is decided or given back, then try again."
)
CHANGED_MEANWHILE = gettext_noop(
    "Somebody else changed this meanwhile. Nothing was changed; look at the records again."
)
ALREADY_UNDONE = gettext_noop("This correction was already undone.")
LATER_CORRECTION = gettext_noop("A later correction builds on this one. Undo that one first.")
SIGNED_SINCE = gettext_noop(
    "A report of these scans was signed after they were moved, so the move cannot be undone. "
    "Move them back by a new correction and say why."
)


def require_current(patient: Patient) -> None:
    """Raise when the record was merged into another; read again, because that may have happened a moment ago."""
    merged = Patient.objects.filter(pk=patient.pk, merged_into__isnull=False).select_related("merged_into").first()
    if merged:
        raise NotAllowedNow("merged", MERGED, record=merged.merged_into)


def require_pair(source: Patient, target: Patient, reason: str) -> None:
    """Raise unless something of `source` may go to `target`."""
    if source.clinic_id != target.clinic_id:
        raise Refusal("other_clinic", OTHER_CLINIC)
    if source.pk == target.pk:
        raise NotAllowedNow("same_patient", SAME_PATIENT)
    if not reason.strip():
        raise Refusal("reason_needed", REASON_NEEDED)
    require_current(source)
    require_current(target)


def require_unread(scans: Collection[UUID]) -> None:
    """Raise while a reader has one of the scans open: whom they read would change under their eyes."""
    held = Review.objects.filter(
        study__series__images__in=scans, status=ReviewStatus.CLAIMED, lease_expires_at__gte=timezone.now()
    )
    if held.exists():
        raise NotAllowedNow("being_read", BEING_READ)


def undo_blocked_reason(correction: Correction) -> str:
    """Why this correction may not be undone now; empty when it may."""
    if correction.undone_at:
        return gettext(ALREADY_UNDONE)
    if _later(correction):
        return gettext(LATER_CORRECTION)
    # Undoing a merge stays possible: nothing else can part the two records again.
    if correction.kind == CorrectionKind.MOVE_SCAN and _signed_since(correction):
        return gettext(SIGNED_SINCE)
    return ""


def corrections_of(scan: Scan) -> list[Correction]:
    """Every correction that moved `scan`, the newest first, undone ones too."""
    # As text: SQLite cannot look into a JSON list.
    found = Correction.objects.filter(clinic=scan.clinic_id).annotate(keys=Cast("scans", TextField()))
    return list(found.filter(keys__contains=str(scan.pk)).select_related("source", "target", "made_by", "undone_by"))


def signed_under(report: Report) -> dict[str, Any] | None:
    """The patient whom a final report names, where a correction gave its scan to another since; else None.

    Keys as in the report's snapshot: name, medical_record_number, birth_date, sex.
    """
    named: dict[str, Any] | None = report.snapshot.get("patient") if report.is_final else None
    if not named or named["medical_record_number"] == report.scan.patient.medical_record_number:
        return None
    return named if corrections_of(report.scan) else None


def _later(correction: Correction) -> bool:
    """Whether a standing correction made since moved one of these scans or merged one of the two records away."""
    pair = (correction.source_id, correction.target_id)
    since = Correction.objects.standing().filter(clinic=correction.clinic_id, made_at__gt=correction.made_at)
    if since.filter(kind=CorrectionKind.MERGE_PATIENTS, source__in=pair).exists():
        return True
    touching = since.filter(Q(source__in=pair) | Q(target__in=pair)).values_list("scans", flat=True)
    return any(set(scans) & set(correction.scans) for scans in touching)


def _signed_since(correction: Correction) -> bool:
    signed = Report.objects.filter(status=ReportStatus.FINAL, signed_at__gt=correction.made_at)
    return signed.filter(study__series__images__in=correction.scans).exists()
