from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from django.core.files.base import ContentFile
from django.db import DatabaseError, IntegrityError, transaction
from django.dispatch import Signal
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis.actions.analysis import analyse_with, start_analysis
from diagnosis.actions.review import read_with
from diagnosis.disk import is_disk_full
from diagnosis.errors import AttachedElsewhere, Difference, DiskFull, IdentityMismatch
from diagnosis.messages import Message
from diagnosis.models import Patient, Scan, Study
from diagnosis.models.analysis import Trigger
from diagnosis.models.confidentiality import hides_any
from diagnosis.models.scan import FileFormat, Modality
from diagnosis.reviews import queue
from diagnosis.rules import policies
from diagnosis.rules.corrections import require_current
from diagnosis.scans import filing, identity, intake
from diagnosis.scans.request import Request, plausible_guess
from diagnosis.states import AnalysisStatus, ReviewStatus
from ml.imaging import Role
from ml.imaging.sandbox import Inspection

# Sent with `study` in the transaction that files the first image of a study that is to be read here: not of a prior.
study_arrived = Signal()


@dataclass(frozen=True)
class Upload:
    """What became of a file: its scan, and whether the same bytes were already there.

    `modality_changed`: they were, but were refused, and the scan is now of the modality that was said this time.
    """

    scan: Scan
    duplicate: bool
    modality_changed: bool = False


def upload_scan(
    *,
    by: User,
    patient: Patient,
    data: bytes,
    name: str,
    modality: Modality | None = None,
    identity_confirmed: bool = False,
    compared: Collection[str] = (),
    urgent: bool = False,
    request: Request | None = None,
) -> Upload:
    """Attach a file to `patient` and queue its analysis, or refuse it with a sentence; nothing in between.

    `modality` may be left out for DICOM. `identity_confirmed` says that a person has compared a header that disagrees
    with the record; `compared` names the differences that were accepted, as `IdentityMismatch.comparison` does, and
    holds for every file that has exactly these. `urgent` puts the scan forward in the reading queue; `request` is what
    else is said of its examination. Raises Refusal's children: FileRefused, ModalityNeeded, IntakeUnavailable,
    DiskFull, IdentityMismatch, AttachedElsewhere.
    """
    require(by, Permission.UPLOAD_SCAN, patient.clinic)
    request = replace(request or Request(), urgent=urgent)
    return receive_scan(
        by=by,
        patient=patient,
        data=data,
        name=name,
        modality=modality,
        identity_confirmed=identity_confirmed,
        compared=compared,
        request=request,
    )


def receive_scan(
    *,
    by: User,
    patient: Patient,
    data: bytes,
    name: str,
    modality: Modality | None = None,
    identity_confirmed: bool = False,
    compared: Collection[str] = (),
    request: Request | None = None,
) -> Upload:
    """As `upload_scan`, for a sender whose right to send was asked at another door: `by` may be a machine's account."""
    require_current(patient)
    request = request or Request()
    if earlier := _earlier(patient, intake.fingerprint(data), by=by):
        _want(earlier.scan, by=by, request=request)
        return _change_modality(earlier, by=by, modality=modality)
    accepted = intake.accept(data, name=name, chosen=modality, patient=patient.pk)
    same, found = identity.find_same_image(accepted, patient, by=by)
    if same:
        _want(same, by=by, request=request)
        return Upload(same, duplicate=True)
    found = [*intake.differences(accepted.inspection.header, patient), *found]
    if found and not identity_confirmed:
        _require_compared(IdentityMismatch(found), compared)
    scan = _scan(accepted, by=by, patient=patient, confirmed=found)
    return _keep(scan, accepted, by=by, request=request)


def _require_compared(mismatch: IdentityMismatch, compared: Collection[str]) -> None:
    if mismatch.comparison not in compared:
        raise mismatch


def _earlier(patient: Patient, sha256: str, *, by: User) -> Upload | None:
    scan = (
        Scan.objects.in_clinic(patient.clinic)
        .filter(sha256=sha256)
        .select_related("patient", "series__study__clinic")
        .first()
    )
    if scan is None:
        return None
    if scan.patient_id != patient.pk:
        raise AttachedElsewhere(scan, hidden=hides_any(by, [scan.patient_id]))
    return Upload(scan, duplicate=True)


def _change_modality(earlier: Upload, *, by: User, modality: Modality | None) -> Upload:
    """The same bytes as another modality: believed where the first one led to a refusal, so that nobody has to alter a
    file to have it read. A DICOM says itself what it is.
    """
    scan = earlier.scan
    if modality is None or modality == scan.modality or scan.file_format == FileFormat.DICOM or not _refused(scan):
        return earlier
    note = Message("uploaded_again", {"variant": modality.value})
    try:
        with transaction.atomic():
            # A loose file is a study of its own.
            Scan.objects.filter(pk=scan.pk).update(modality=modality)
            Study.objects.filter(pk=scan.study_id).update(modality=modality)
            start_analysis(by=by, study=scan.study, trigger=Trigger.RERUN, note=note)
    except IntegrityError:
        # Somebody asked for a new analysis at this moment; it runs as what the scan was said to be.
        return earlier
    scan = Scan.objects.select_related("series__study").get(pk=scan.pk)
    return Upload(scan, duplicate=True, modality_changed=True)


def _refused(scan: Scan) -> bool:
    """Whether every analysis failed, the latest for what the file shows, and nobody has read the scan either."""
    latest = scan.latest_analysis
    if latest is None or latest.status != AnalysisStatus.FAILED or latest.failure_retryable:
        return False
    return policies.result_of(scan) is None and not scan.reviews.filter(status=ReviewStatus.DECIDED).exists()


def _scan(accepted: intake.AcceptedFile, *, by: User, patient: Patient, confirmed: list[Difference]) -> Scan:
    """The row for an accepted file; not saved yet."""
    seen = accepted.inspection
    scan = Scan(
        clinic=patient.clinic,
        patient=patient,
        modality=accepted.modality,
        original_name=accepted.name,
        file_format=seen.format,
        sha256=accepted.sha256,
        byte_size=len(accepted.data),
        width=seen.width,
        height=seen.height,
        bits=seen.bits,
        pixel_sha256=seen.pixel_sha256,
        uploaded_by=by,
        identity_differences=[difference.stored.as_json() for difference in confirmed],
    )
    if reason := seen.not_classified:
        scan.not_classified_code, scan.not_classified_params = reason.code, dict(reason.params)
    if header := seen.header:
        scan.study_instance_uid = header.study_instance_uid
        scan.series_instance_uid = header.series_instance_uid
        scan.sop_instance_uid = header.sop_instance_uid
        scan.instance_number = header.instance_number
        scan.accession_number = header.accession_number
        scan.body_part = header.body_part
        scan.view_position = header.view
        scan.role = "" if header.role == Role.UNKNOWN else header.role.value
        scan.slice_position = header.slice_position
        scan.acquired_at = _aware(header.acquired_at)
        scan.row_spacing, scan.column_spacing = header.pixel_spacing or (None, None)
    return scan


def _aware(moment: datetime | None) -> datetime | None:
    """A header without an offset means the clock on the clinic's wall."""
    return timezone.make_aware(moment) if moment and timezone.is_naive(moment) else moment


def _keep(scan: Scan, accepted: intake.AcceptedFile, *, by: User, request: Request) -> Upload:
    """File first, then the rows in one transaction: a row never names bytes that are not on the disk."""
    scan.original.save("original", ContentFile(accepted.data), save=False)
    try:
        with transaction.atomic():
            # Held until the row is there: a merge at this very moment would leave it with a record nobody uses.
            list(Patient.objects.select_for_update().filter(pk=scan.patient_id))
            require_current(scan.patient)
            address = _address(accepted.inspection, examined_at=scan.acquired_at)
            first = _file(scan, address, by=by, request=request)
            _take_up(scan, by=by, request=request, arrives=first)
            if request.priority:  # the first word on it may come with a later file of the study
                queue.place_again(scan.study)
    except BaseException as error:
        _discard(scan)
        # The same bytes arrived twice at once; the constraint let one through.
        if isinstance(error, IntegrityError) and (earlier := _earlier(scan.patient, scan.sha256, by=by)):
            _want(earlier.scan, by=by, request=request)
            return earlier
        if is_disk_full(error):  # SQLite, whose rows lie beside the files
            raise DiskFull from error
        raise
    return Upload(scan, duplicate=False)


def _take_up(scan: Scan, *, by: User, request: Request, arrives: bool) -> None:
    """Have the image analysed and read with its study. What somebody sends is no prior any more, should it be one.

    `arrives`: it is the first of its study.
    """
    study = scan.study
    if study.is_prior and not request.prior_from:
        Study.objects.filter(pk=study.pk).update(fetched_from="")
        study.fetched_from, arrives = "", True
    analyse_with(by=by, image=scan)
    read_with(by=by, study=study, urgent=request.urgent)
    if arrives and not study.is_prior:
        study_arrived.send(Study, study=study)


def _want(scan: Scan, *, by: User, request: Request) -> None:
    """An image that was fetched as a prior is sent by somebody: its study is to be read here after all."""
    if request.prior_from or not scan.study.is_prior:
        return
    with transaction.atomic():
        # Held, so that one that is sent at this moment by somebody else does not begin the study twice.
        study = Study.objects.select_for_update().filter(pk=scan.study_id).exclude(fetched_from="").first()
        if study:
            scan.series.study = study
            _take_up(scan, by=by, request=request, arrives=True)


def _file(scan: Scan, address: filing.Address, *, by: User, request: Request) -> bool:
    """Save the row in its study, which it represents until there is reason to choose another.

    Returns whether it is the first image of the study.
    """
    modality, at = Modality(scan.modality), timezone.now()
    scan.series = filing.find_series(
        patient=scan.patient, modality=modality, address=address, by=by, at=at, request=request
    )
    scan.save(force_insert=True)
    study = scan.study
    represented = study.representative
    if represented is None or (represented.not_classified_code and not scan.not_classified_code):
        study.representative, study.emptied_of = scan, None
        study.save(update_fields=["representative", "emptied_of"])
    return represented is None


def _address(seen: Inspection, *, examined_at: datetime | None) -> filing.Address:
    header = seen.header
    if header is None:
        return filing.Address(guessed_at=plausible_guess(seen.taken_at))
    return filing.Address(
        study_instance_uid=header.study_instance_uid,
        series_instance_uid=header.series_instance_uid,
        accession_number=header.accession_number,
        examined_at=examined_at,
        description=header.study_description,
        referring_physician=header.referring_physician,
        clinical_question=header.clinical_question,
        series={
            "number": header.series_number,
            "description": header.series_description,
            "body_part": header.body_part,
            "kernel": header.kernel,
            "slice_thickness": header.slice_thickness,
        },
    )


def _discard(scan: Scan) -> None:
    """Delete the file of a row that is not there. An error may also come after the commit, from what follows it."""
    with suppress(DatabaseError):
        if not Scan.objects.filter(pk=scan.pk).exists():
            scan.original.delete(save=False)
