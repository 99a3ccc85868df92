"""Accept or refuse an uploaded file: what is it, what does it show, and of whom?

Names, paths and metadata that come with a file are never trusted: the content decides what it is, our own key decides
where it lies, and a header is compared with the record but never written into it.
"""

from __future__ import annotations

import hashlib
import logging
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from diagnosis.errors import Difference, FileRefused, FileTooLarge, IntakeUnavailable, ModalityNeeded
from diagnosis.models import Patient
from diagnosis.models.patient import fold
from diagnosis.models.scan import Modality
from ml.imaging import DicomHeader, DicomIdentity, ImageRefused, Limits
from ml.imaging.names import NameGroup
from ml.imaging.sandbox import Inspection, Isolation, Sandbox, SandboxFailed

log = logging.getLogger(__name__)

# Header values that say "nobody" rather than naming somebody.
PLACEHOLDERS = frozenset({"", "anonymous", "anonymized", "anonymised", "anon", "unknown", "none", "no name", "patient"})


@dataclass(frozen=True)
class AcceptedFile:
    """A file that was looked into and found good."""

    data: bytes
    name: str
    sha256: str
    inspection: Inspection
    modality: Modality

    @property
    def sop_instance_uid(self) -> str:
        """Empty where the file says none."""
        return self.inspection.header.sop_instance_uid if self.inspection.header else ""


def limits() -> Limits:
    return Limits(max_bytes=settings.UPLOAD_MAX_BYTES, max_pixels=settings.UPLOAD_MAX_PIXELS)


@cache
def sandbox() -> Sandbox:
    """What decodes every file from outside for this process, web or worker; started at the first one."""
    isolation = Isolation(settings.DECODER_ISOLATION)
    return Sandbox(limits(), seconds=settings.UPLOAD_DECODE_SECONDS, isolation=isolation)


def start_decoder() -> None:
    """So that the first file does not wait for it, and the log says from the start what it is shut in by."""
    with suppress(IntakeUnavailable), decoding() as decoder:
        decoder.start()


@contextmanager
def decoding() -> Iterator[Sandbox]:
    """The sandbox; what it refuses is raised as FileRefused, and what it cannot do as IntakeUnavailable."""
    try:
        yield sandbox()
    except ImageRefused as refused:
        raise FileRefused(refused.code, refused.params) from refused
    except SandboxFailed as failed:
        log.exception("the decoding helper is not available")
        raise IntakeUnavailable(
            "intake_unavailable",
            _("The server cannot open image files right now. Nothing was changed; try again in a minute."),
        ) from failed


def fingerprint(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def clean_name(name: str) -> str:
    """The last part of an uploaded name, printable, at most 200 characters; for display only."""
    last = PurePosixPath(name.replace("\\", "/")).name
    printable = "".join(c for c in last if unicodedata.category(c)[0] != "C")
    return printable.strip()[:200] or "unnamed"


def accept(data: bytes, *, name: str, chosen: Modality | None, patient: uuid.UUID, sha256: str = "") -> AcceptedFile:
    """Look into a file in the sandbox; `sha256` where its fingerprint is known.

    Raises FileRefused, ModalityNeeded or IntakeUnavailable.
    """
    check_size(len(data))
    inspection = inspect(data, patient=patient)
    modality = _settle_modality(inspection.header, chosen)
    return AcceptedFile(data, clean_name(name), sha256 or fingerprint(data), inspection, modality)


def check_size(size: int) -> None:
    """Raise FileTooLarge for a file of more bytes than are accepted."""
    try:
        limits().check_bytes(size)
    except ImageRefused as refused:
        raise FileTooLarge(refused.code, refused.params) from refused


def inspect(data: bytes, *, patient: uuid.UUID) -> Inspection:
    """What the sandbox finds in the file of this patient. Raises FileRefused or IntakeUnavailable."""
    with decoding() as decoder:
        return decoder.inspect(data, owner=str(patient))


def identify(data: bytes, *, sender: uuid.UUID | None = None) -> DicomIdentity:
    """Whose file a DICOM says that it is, of any kind. Raises FileRefused or IntakeUnavailable.

    The files of one `sender` are read by one process, which is ten times as fast: whatever could take it over could
    only alter what the same sender says of other files, and no pixels are decoded.
    """
    check_size(len(data))
    with decoding() as decoder:
        return decoder.identify(data, owner=f"sender {sender}" if sender else None)


def _settle_modality(header: DicomHeader | None, chosen: Modality | None) -> Modality:
    """A DICOM says it itself, and the person must not contradict it; for other formats the person says it."""
    stated = Modality(header.modality.value) if header else None
    if stated and chosen and stated != chosen:
        raise FileRefused("modality_mismatch", {"variant": stated.value})
    if settled := stated or chosen:
        return settled
    raise ModalityNeeded(
        "modality_needed",
        _("This file does not say what it shows. Choose what it is, then upload it again."),
    )


def differences(header: DicomHeader | DicomIdentity | None, patient: Patient) -> list[Difference]:
    """Where the header names another person than the record. Empty header fields disagree with nothing."""
    if header is None:
        return []
    found = []
    if not _may_be_the_same(header, patient):
        found.append(Difference("name", header.patient_name, patient.name))
    if not _same_number(header.patient_id, patient.medical_record_number):
        found.append(Difference("record number", header.patient_id, patient.medical_record_number))
    if header.birth_date and header.birth_date != patient.birth_date:
        in_record = patient.birth_date.isoformat() if patient.birth_date else gettext("not recorded")
        found.append(Difference("birth date", header.birth_date.isoformat(), in_record))
    return found


def named_in(header: DicomHeader | DicomIdentity) -> list[NameGroup]:
    """The writings of the name that name somebody."""
    groups = (group for group in header.person.groups if group.has_words)
    return [group for group in groups if fold(group.readable) not in PLACEHOLDERS]


def is_placeholder(text: str) -> bool:
    return fold(text) in PLACEHOLDERS


def _may_be_the_same(header: DicomHeader | DicomIdentity, patient: Patient) -> bool:
    """In any of the writings that name somebody; the name is unknown where none does."""
    named = named_in(header)
    recorded = f"{patient.family_name} {patient.given_name}"
    return not named or any(group.agrees_with(recorded) for group in named)


def _same_number(in_file: str, in_record: str) -> bool:
    return is_placeholder(in_file) or fold(in_file) == fold(in_record)
