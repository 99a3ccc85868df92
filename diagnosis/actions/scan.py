from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis.actions.receiving import SentFile, Upload, receive_scans
from diagnosis.errors import Refusal
from diagnosis.models import Patient
from diagnosis.models.scan import Modality
from diagnosis.scans.request import Request


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

    `modality` may be left out for DICOM. `identity_confirmed` and `compared` are as in `SentFile`. `urgent` puts the
    scan forward in the reading queue; `request` is what else is said of its examination. Raises what `receive_scans`
    tells or raises.
    """
    require(by, Permission.UPLOAD_SCAN, patient.clinic)
    file = SentFile(data, name, identity_confirmed, compared)
    request = replace(request or Request(), urgent=urgent)
    [outcome] = receive_scans(by=by, patient=patient, files=[file], modality=modality, request=request)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome
