"""What became of one uploaded file, for a page and for a script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import User
from diagnosis import formats, messages
from diagnosis.actions.scan import Upload, upload_scan
from diagnosis.errors import AttachedElsewhere, Difference, IdentityMismatch, ModalityNeeded, Refusal
from diagnosis.models import Patient, Scan
from diagnosis.models.scan import Modality
from diagnosis.scans import intake


@dataclass(frozen=True)
class Outcome:
    """`kind`: accepted, duplicate, mismatch, elsewhere or refused. `fingerprint` is set where a person may confirm."""

    kind: str
    http_status: int
    name: str
    sentence: str
    code: str = ""
    scan: Scan | None = None
    fingerprint: str = ""
    differences: tuple[Difference, ...] = ()
    choices: tuple[Modality, ...] = ()  # of which a person must name one before the file is taken
    retryable: bool = False

    @property
    def url(self) -> str:
        return reverse("diagnosis:scan-detail", args=[self.scan.pk]) if self.scan else ""

    @property
    def tone(self) -> str:
        return {"accepted": "success", "duplicate": "info"}.get(self.kind, "warning" if self.differences else "danger")

    @property
    def payload(self) -> dict[str, Any]:
        return {
            "outcome": self.kind,
            "sentence": self.sentence,
            "code": self.code,
            "name": self.name,
            "scan": str(self.scan.pk) if self.scan else None,
            "url": self.url,
            "thumbnail": reverse("diagnosis:scan-thumbnail", args=[self.scan.pk]) if self.scan else "",
            "retryable": self.retryable,
            "fingerprint": self.fingerprint,
            "differences": [_titled(difference.as_json()) for difference in self.differences],
            "choices": [{"value": choice.value, "label": str(choice.label)} for choice in self.choices],
        }


def _titled(difference: dict[str, str]) -> dict[str, str]:
    """Its label begins a row of a table."""
    return {**difference, "label": capfirst(difference["label"])}


def refused(code: str, sentence: str) -> dict[str, Any]:
    """The payload for a request of which nothing was looked at."""
    return Outcome("refused", 400, "", sentence, code).payload


@dataclass(frozen=True)
class Sender:
    """One person's upload for one patient; turns whatever happens to a file into its outcome."""

    by: User
    patient: Patient
    modality: Modality | None
    urgent: bool
    confirmed: str  # SHA-256 of the file whose differences were compared

    def send(self, file: UploadedFile) -> Outcome:
        name = intake.clean_name(file.name or "")
        data = b""
        try:
            intake.check_size(file.size or 0)  # before it is read into memory
            data = file.read()
            return _accepted_outcome(self._upload(data, name), name)
        except Refusal as refusal:
            return _refused_outcome(refusal, name, data)

    def _upload(self, data: bytes, name: str) -> Upload:
        return upload_scan(
            by=self.by,
            patient=self.patient,
            data=data,
            name=name,
            modality=self.modality,
            urgent=self.urgent,
            identity_confirmed=bool(self.confirmed) and self.confirmed == intake.fingerprint(data),
        )


def _accepted_outcome(upload: Upload, name: str) -> Outcome:
    if not upload.duplicate:
        return Outcome("accepted", 201, name, _("Uploaded. Its analysis is queued."), scan=upload.scan)
    if upload.modality_changed:
        changed = messages.sentence("modality_changed", {"variant": upload.scan.modality})
        return Outcome("accepted", 200, name, changed, scan=upload.scan)
    sentence = _("This very file was uploaded for this patient on %(date)s; nothing was added.") % {
        "date": formats.day(upload.scan.uploaded_at)
    }
    return Outcome("duplicate", 200, name, sentence, "duplicate", upload.scan)


def _refused_outcome(refusal: Refusal, name: str, data: bytes) -> Outcome:
    choices = tuple(Modality) if isinstance(refusal, ModalityNeeded) else ()
    outcome = Outcome(
        "refused",
        refusal.http_status,
        name,
        refusal.sentence,
        refusal.code,
        choices=choices,
        retryable=refusal.retryable,
    )
    if isinstance(refusal, IdentityMismatch):
        return _mismatch_outcome(outcome, refusal, data)
    if isinstance(refusal, AttachedElsewhere):
        return Outcome("elsewhere", outcome.http_status, name, outcome.sentence, outcome.code, refusal.scan)
    return outcome


def _mismatch_outcome(outcome: Outcome, refusal: IdentityMismatch, data: bytes) -> Outcome:
    return Outcome(
        "mismatch",
        outcome.http_status,
        outcome.name,
        outcome.sentence,
        outcome.code,
        fingerprint=intake.fingerprint(data),
        differences=tuple(refusal.differences),
    )
