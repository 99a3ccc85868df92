from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import IO
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import Permission, require
from diagnosis.actions.receiving import Upload
from diagnosis.actions.scan import upload_scan
from diagnosis.errors import AttachedElsewhere, IdentityMismatch, Refusal
from diagnosis.models import Patient
from diagnosis.models.scan import Modality
from diagnosis.rules.corrections import require_current
from diagnosis.scans import identity
from diagnosis.scans.archives import HEAD_BYTES, Archive, Member
from diagnosis.scans.request import Request
from ml.imaging import ImageRefused, sniff

log = logging.getLogger(__name__)


class Unforeseen(Refusal):
    """Something went wrong with one file of many; the log says what."""

    http_status = 500
    retryable = True


@dataclass(frozen=True)
class MemberOutcome:
    """What became of one file of an archive: an upload, or the reason why there is none."""

    path: str
    upload: Upload | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True)
class ArchiveUpload:
    """The files of an archive on their way; each is uploaded when its outcome is asked for."""

    total: int
    outcomes: Iterator[MemberOutcome]


def upload_archive(
    *,
    by: User,
    patient: Patient,
    file: IO[bytes],
    size: int,
    modality: Modality | None = None,
    compared: Collection[str] = (),
    instead: Collection[UUID] = (),
    urgent: bool = False,
    request: Request | None = None,
) -> ArchiveUpload:
    """Upload every file of a zip archive of `size` bytes by `upload_scan`, one after the other.

    One that is refused does not stop the others, and the same archive again adds nothing that is there. `modality`
    speaks for the files that do not say it themselves; `compared`, `urgent` and `request` are as in `upload_scan`.
    A file that bears the record number of one of the patients in `instead` goes to that one, if header and record agree
    there; what `request` says of the examination is not said of theirs.
    Raises ArchiveRefused or ArchiveTooLarge where nothing of it was looked at.
    """
    require(by, Permission.UPLOAD_SCAN, patient.clinic)
    require_current(patient)
    archive = Archive(file, size=size)

    def upload_for(patient: Patient, data: bytes, name: str, request: Request | None) -> Upload:
        said = None if _says_itself(data) else modality
        return upload_scan(
            by=by,
            patient=patient,
            data=data,
            name=name,
            modality=said,
            compared=compared,
            urgent=urgent,
            request=request,
        )

    def upload(data: bytes, name: str) -> Upload:
        try:
            return upload_for(patient, data, name, request)
        except AttachedElsewhere as elsewhere:
            if elsewhere.hidden or elsewhere.scan.patient_id not in instead:
                raise
            return Upload(elsewhere.scan, duplicate=True)
        except IdentityMismatch as mismatch:
            other = identity.find_bearer(mismatch, patient=patient, by=by)
            if other is None or other.pk not in instead:
                raise
            return upload_for(other, data, name, None)

    return ArchiveUpload(len(archive), (_outcome(member, upload) for member in archive))


def _outcome(member: Member, upload: Callable[[bytes, str], Upload]) -> MemberOutcome:
    try:
        return MemberOutcome(member.path, upload=upload(member.read(), member.path))
    except Refusal as refusal:
        return MemberOutcome(member.path, refusal=refusal)
    except Exception:
        log.exception("a file of an archive could not be taken in")
        unforeseen = Unforeseen(
            "unexpected",
            _("The server could not take this file in, and logged why. Try again, then tell your administrator."),
        )
        return MemberOutcome(member.path, refusal=unforeseen)


def _says_itself(data: bytes) -> bool:
    """Whether the file names its modality: a DICOM does, and must not be contradicted."""
    try:
        return sniff(data[:HEAD_BYTES]) == "dicom"
    except ImageRefused:
        return False
