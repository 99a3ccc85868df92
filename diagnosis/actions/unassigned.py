"""Images of nobody yet: programs that cannot say whom they send. They wait in a record of the clinic's own."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext, gettext_noop

from accounts.models import Clinic, User
from accounts.permissions import Permission, require
from diagnosis.actions.patient import receive_patient
from diagnosis.actions.receiving import Upload
from diagnosis.actions.scan import upload_scan
from diagnosis.errors import AttachedElsewhere, ConfidentialRecord, NotAllowedNow
from diagnosis.models import Patient, Scan
from diagnosis.models.confidentiality import hides_any
from diagnosis.models.patient import UNASSIGNED_NUMBER, Sex
from diagnosis.models.scan import Modality
from diagnosis.scans import intake

NAME = gettext_noop("Images without a patient")
IS_A_PERSON = gettext_noop(
    "The record %(number)s, in which images without a patient wait, was changed into that of a person or merged into "
    "another one. Nothing was stored; tell an administrator of the clinic."
)


def upload_unassigned(*, by: User, clinic: Clinic, data: bytes, name: str, modality: Modality) -> Upload:
    """Attach a file to the clinic's record for images without a patient, and queue its analysis.

    The same bytes again are found wherever a person has moved them since. `modality` is for a file that does not say
    it itself. Raises as `upload_scan` does, and NotAllowedNow where that record is somebody's.
    """
    require(by, Permission.UPLOAD_SCAN, clinic)
    if earlier := _earlier(clinic, data, by=by):
        return earlier
    says_itself = data[128:132] == b"DICM"
    record = unassigned_record(by=by, clinic=clinic)
    return upload_scan(by=by, patient=record, data=data, name=name, modality=None if says_itself else modality)


def unassigned_record(*, by: User, clinic: Clinic) -> Patient:
    """The clinic's record for images without a patient; made when it is first needed."""
    found = _found(clinic) or _made(by, clinic)
    if found.merged_into_id or found.birth_date or found.given_name or found.sex != Sex.UNKNOWN:
        raise NotAllowedNow("unassigned_record_changed", IS_A_PERSON, number=UNASSIGNED_NUMBER)
    if hides_any(by, [found.pk]):
        raise ConfidentialRecord(found.pk)
    return found


def _found(clinic: Clinic) -> Patient | None:
    return Patient.objects.in_clinic(clinic).filter(medical_record_number=UNASSIGNED_NUMBER).first()


def _made(by: User, clinic: Clinic) -> Patient:
    try:
        with transaction.atomic():
            return receive_patient(
                by=by, clinic=clinic, medical_record_number=UNASSIGNED_NUMBER, family_name=gettext(NAME)
            )
    except (ValidationError, IntegrityError):
        found = _found(clinic)  # made by another request at this moment
        if found is None:
            raise
        return found


def _earlier(clinic: Clinic, data: bytes, *, by: User) -> Upload | None:
    scan = Scan.objects.in_clinic(clinic).filter(sha256=intake.fingerprint(data)).select_related("patient").first()
    if scan is None:
        return None
    if hides_any(by, [scan.patient_id]):
        raise AttachedElsewhere(scan, hidden=True)
    return Upload(scan, duplicate=True)
