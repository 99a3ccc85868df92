"""Scans and records that were with the wrong patient: may they be put right now, and what was put right before."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from accounts.models import User
from accounts.permissions import Permission, allowed, require
from diagnosis.errors import NotAllowedNow, Refusal
from diagnosis.models import Correction, CriticalResult, Patient, Report, Review, Scan, Study
from diagnosis.models.correction import OF_STUDIES, CorrectionKind
from diagnosis.rules import records
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
OTHER_STUDY = gettext_noop(
    "Both studies must belong to one patient and be of one modality. Nothing was moved; look at the patient again."
)
SAME_STUDY = gettext_noop("The images are in that study already. Choose another one.")
WHOLE_STUDY = gettext_noop("One image at least must stay in this study. Choose fewer, or choose a study to join.")
WAS_READ = gettext_noop(
    "This study has been read, so one image at least must stay with what was written about it. Choose fewer images."
)
ONLY_UNREAD = gettext_noop("One of these studies has been read. Ask an administrator of the clinic to move its images.")
ONLY_OWN = gettext_noop("Only an administrator of the clinic may move images that somebody else uploaded.")
SIGNED_SINCE = gettext_noop(
    "A report of these scans was signed after they were moved, so the move cannot be undone. "
    "Move them back by a new correction and say why."
)
SIGNED_FOR_ANOTHER = gettext_noop(
    "This report was signed for another patient, and its images were given to this one since. Programs are not given "
    "it; a person finds it on its page, and can say there that it was entered in error."
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


def require_unread(scans: Collection[UUID], *more: UUID) -> None:
    """Raise while a reader has the study of one of the scans open, or one of the studies `more`: what they read would
    change under their eyes. Nobody takes one until the transaction ends.
    """
    studies = {*Study.objects.filter(series__images__in=scans).order_by().values_list("pk", flat=True), *more}
    open_ones = list(Review.objects.open().filter(study__in=studies).order_by("pk").select_for_update())
    now = timezone.now()
    if any(one.lease_expires_at and one.lease_expires_at >= now for one in open_ones):
        raise NotAllowedNow("being_read", BEING_READ)


def was_read(*studies: UUID) -> bool:
    """Whether somebody has read one of the studies, told of a critical result in it or written a report on it."""
    read = Review.objects.filter(study__in=studies, status=ReviewStatus.DECIDED)
    told = CriticalResult.objects.filter(study__in=studies)
    return read.exists() or told.exists() or Report.objects.filter(study__in=studies).exists()


def may_move_images(user: User, study: Study) -> bool:
    """Whether the person may move images of `study` at all; which, and where to, is asked of `require_movable`."""
    held = user.permissions_in(study.clinic)
    if Permission.MANAGE_CLINIC in held:
        return True
    own = Scan.objects.filter(series__study=study, uploaded_by=user)
    return Permission.UPLOAD_SCAN in held and own.exists() and not was_read(study.pk)


def may_move_image(user: User, study: Study, image: Scan) -> bool:
    """Whether the person may move this image of `study`, where `may_move_images` holds."""
    return image.uploaded_by_id == user.pk or allowed(user, Permission.MANAGE_CLINIC, study.clinic)


def require_movable(by: User, study: Study, images: Collection[UUID], target: Study | None) -> None:
    """Raise unless `by` may move the images of `study` into `target`, or into a new study."""
    if not images:
        raise NotAllowedNow("nothing_chosen", NOTHING_CHOSEN)
    _require_right(by, study, images, target)
    if target is not None and target.pk == study.pk:
        raise NotAllowedNow("same_study", SAME_STUDY)
    if target is not None and (target.patient_id, target.modality) != (study.patient_id, study.modality):
        raise Refusal("other_study", OTHER_STUDY)
    if not Scan.objects.filter(series__study=study).exclude(pk__in=images).exists():
        _require_emptiable(study, target)


def _require_right(by: User, study: Study, images: Collection[UUID], target: Study | None) -> None:
    if allowed(by, Permission.MANAGE_CLINIC, study.clinic):
        return
    require(by, Permission.UPLOAD_SCAN, study.clinic)
    if Scan.objects.filter(pk__in=images).exclude(uploaded_by=by).exists():
        raise PermissionDenied(gettext(ONLY_OWN))
    if was_read(study.pk, *([target.pk] if target else [])):
        raise NotAllowedNow("was_read", ONLY_UNREAD)


def _require_emptiable(study: Study, target: Study | None) -> None:
    if target is None:
        raise NotAllowedNow("whole_study", WHOLE_STUDY)
    if was_read(study.pk):
        raise NotAllowedNow("was_read", WAS_READ)


def may_undo(user: User, correction: Correction) -> bool:
    """Whether the person may undo the correction as far as their role goes; `undo_blocked_reason` says whether now."""
    held = user.permissions_in(correction.clinic)
    if Permission.MANAGE_CLINIC in held:
        return True
    own = correction.of_studies and correction.made_by_id == user.pk and Permission.UPLOAD_SCAN in held
    return own and not was_read(*(key for key in (correction.source_study_id, correction.target_study_id) if key))


def undo_blocked_reason(correction: Correction) -> str:
    """Why this correction may not be undone now; empty when it may."""
    if correction.undone_at:
        return gettext(ALREADY_UNDONE)
    if _later(correction):
        return gettext(LATER_CORRECTION)
    # Undoing a merge stays possible: nothing else can part the two records again.
    if correction.kind != CorrectionKind.MERGE_PATIENTS and _signed_since(correction):
        return gettext(SIGNED_SINCE)
    return gettext(WAS_READ) if correction.of_studies and _would_empty_what_was_read(correction) else ""


def _would_empty_what_was_read(correction: Correction) -> bool:
    target = correction.target_study_id
    stay = Scan.objects.filter(series__study=target).exclude(pk__in=correction.scans)
    return target is not None and was_read(target) and not stay.exists()


def of_study(study: Study) -> list[Correction]:
    """The corrections that took images out of `study` or put some into it, the newest first, undone ones too."""
    between = Correction.objects.filter(Q(source_study=study) | Q(target_study=study))
    return list(between.select_related("clinic", "source", "target", "made_by", "undone_by"))


def corrections_of(scan: Scan, *, by: User | None = None) -> list[Correction]:
    """Every correction that gave `scan` to another patient, the newest first, undone ones too.

    `by`: without those that would name a confidential record which is not open to this person.
    """
    # As text: SQLite cannot look into a JSON list.
    found = Correction.objects.filter(clinic=scan.clinic_id).annotate(keys=Cast("scans", TextField()))
    found = found.exclude(kind__in=OF_STUDIES)
    if by is not None:
        found = found.without_hidden(by)
    return list(found.filter(keys__contains=str(scan.pk)).select_related("source", "target", "made_by", "undone_by"))


def signed_under(report: Report) -> dict[str, Any] | None:
    """The patient whom a final report names, where a correction gave its scan to another since; else None.

    Keys as in the report's snapshot: name, medical_record_number, birth_date, sex.
    """
    named: dict[str, Any] | None = report.snapshot.get("patient") if report.is_final else None
    if not named or named["medical_record_number"] == report.scan.patient.medical_record_number:
        return None
    return named if corrections_of(report.scan) else None


def corrected_since(reports: Iterable[Report]) -> dict[UUID, list[Correction]]:
    """By the key of each final report that names another record number than its image's patient has: the corrections
    that gave the image to another patient; without those of which there are none. Two queries, or three.
    """
    named = {one.pk: _number(one) for one in reports if _names_somebody(one)}
    keys = {one.pk: _image_of(one) for one in reports if one.pk in named}
    images = Scan.with_withdrawn.filter(pk__in=set(keys.values())) if keys else Scan.with_withdrawn.none()
    numbers = dict(images.values_list("pk", "patient__medical_record_number"))
    suspects = {str(image): key for key, image in keys.items() if image and numbers.get(image) != named[key]}
    found: dict[UUID, list[Correction]] = {}
    for one in _touching(suspects):
        for image in suspects.keys() & set(one.scans):
            found.setdefault(suspects[image], []).append(one)
    return found


def names_another(report: Report) -> bool:
    """Whether a final report names another record number than its study's patient has now. Asks for nothing else, so
    that a list can ask of each.
    """
    return _names_somebody(report) and _number(report) != report.study.patient.medical_record_number


def _number(report: Report) -> str:
    return str(report.snapshot["patient"]["medical_record_number"])


def _names_somebody(report: Report) -> bool:
    return report.is_final and bool(report.snapshot.get("patient"))


def _image_of(report: Report) -> UUID | None:
    """The key of `report.scan`."""
    return report.image_id or report.study.representative_id or report.study.emptied_of_id


def _touching(images: Collection[str]) -> list[Correction]:
    about = Q()
    for image in images:
        about |= Q(keys__contains=image)
    if not about:
        return []
    # As text: SQLite cannot look into a JSON list.
    found = Correction.objects.exclude(kind__in=OF_STUDIES).annotate(keys=Cast("scans", TextField()))
    return list(found.filter(about))


def signed_for_others(reports: Collection[Report]) -> frozenset[UUID]:
    """The keys of the final reports that were signed for one person and whose image was given to another since: what
    they say is not said of the patient with whom they stand now. A merge of two records of one person is none.

    As many queries as for one of them.
    """
    since = {
        key: {other for one in made for other in (one.source_id, one.target_id)}
        for key, made in _moved_since(reports).items()
    }
    own = records.joined_apart({one.study.patient_id for one in reports if one.pk in since}) if since else {}
    return frozenset(one.pk for one in reports if one.pk in since and since[one.pk] - own[one.study.patient_id])


def _moved_since(reports: Collection[Report]) -> dict[UUID, list[Correction]]:
    signed = {one.pk: one.signed_at for one in reports}
    found = {
        key: [one for one in made if (one.undone_at or one.made_at) > signed[key]]  # type: ignore[operator]
        for key, made in corrected_since(reports).items()
    }
    return {key: made for key, made in found.items() if made}


def require_of_its_patient(report: Report) -> None:
    """Raise NotAllowedNow for a report that programs are not given: one of `signed_for_others`."""
    if signed_for_others([report]):
        raise NotAllowedNow("signed_for_another", SIGNED_FOR_ANOTHER)


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
