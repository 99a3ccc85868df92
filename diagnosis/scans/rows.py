"""What an accepted file says, as the row that is kept of it and as where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from accounts.models import User
from diagnosis.errors import Difference
from diagnosis.models import Patient, Scan
from diagnosis.scans.filing import Address
from diagnosis.scans.intake import AcceptedFile
from diagnosis.scans.request import plausible_guess
from ml.imaging import Role
from ml.imaging.sandbox import Inspection


def scan_of(accepted: AcceptedFile, *, by: User, patient: Patient, confirmed: Sequence[Difference]) -> Scan:
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


def address_of(seen: Inspection, *, examined_at: datetime | None) -> Address:
    """Where it belongs, by what it says itself."""
    header = seen.header
    if header is None:
        return Address(guessed_at=plausible_guess(seen.taken_at))
    return Address(
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
