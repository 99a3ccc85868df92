"""What became of an uploaded file, or of each file of an archive, for a page and for a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import User
from diagnosis import formats, messages
from diagnosis.actions.archive import ArchiveUpload, MemberOutcome, upload_archive
from diagnosis.actions.receiving import Upload
from diagnosis.actions.scan import upload_scan
from diagnosis.errors import AttachedElsewhere, Difference, IdentityMismatch, ModalityNeeded, Refusal
from diagnosis.models import Patient, Scan, Study
from diagnosis.models.scan import Modality
from diagnosis.scans import archives, identity, intake
from diagnosis.scans.request import Request


@dataclass(frozen=True)
class Outcome:
    """`kind`: accepted, duplicate, mismatch, elsewhere, left_out or refused.

    `comparison` is set where a person may confirm: whoever sends it back has compared the differences.
    """

    kind: str
    http_status: int
    name: str
    sentence: str
    code: str = ""
    scan: Scan | None = None
    comparison: str = ""
    differences: tuple[Difference, ...] = ()
    choices: tuple[Modality, ...] = ()  # of which a person must name one before the file is taken
    retryable: bool = False
    other: Patient | None = None  # whose record number the file bears
    patient: Patient | None = None  # for whom it was taken in, if that is not the one of the page

    @property
    def url(self) -> str:
        return reverse("diagnosis:scan-detail", args=[self.scan.pk]) if self.scan else ""

    @property
    def tone(self) -> str:
        tones = {"accepted": "success", "duplicate": "info", "left_out": "info"}
        return tones.get(self.kind, "warning" if self.differences else "danger")

    @property
    def payload(self) -> dict[str, Any]:
        return {
            "outcome": self.kind,
            "sentence": self.sentence,
            "code": self.code,
            "name": self.name,
            "scan": str(self.scan.pk) if self.scan else None,
            "study": _study(self.scan.study) if self.scan and self.kind != "elsewhere" else None,
            "patient": self.patient.name if self.patient else "",
            "url": self.url,
            "thumbnail": reverse("diagnosis:scan-thumbnail", args=[self.scan.pk]) if self.scan else "",
            "retryable": self.retryable,
            "comparison": self.comparison,
            "differences": [_titled(difference.as_json()) for difference in self.differences],
            "belongs_to": _addressee(self.other) if self.other else None,
            "choices": [{"value": choice.value, "label": str(choice.label)} for choice in self.choices],
        }


def _study(study: Study) -> dict[str, str]:
    """Which examination a scan is of, by its key and its name for a person."""
    title = study.description or str(study.get_modality_display())
    if study.examined_at:
        title = _("%(what)s of %(date)s") % {"what": title, "date": formats.day(study.examined_at)}
    return {"key": str(study.pk), "title": title}


def _addressee(patient: Patient) -> dict[str, str]:
    """Whom a file may be uploaded for instead. Header and record are compared there as well."""
    return {"key": str(patient.pk), "name": patient.name, "url": reverse("diagnosis:scan-upload", args=[patient.pk])}


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
    compared: frozenset[str]  # comparisons of the outcomes that a person confirmed
    request: Request  # what is said of the examination
    instead: frozenset[UUID] = frozenset()  # patients to whom files of an archive go that bear their record numbers
    said: Mapping[str, str] = field(default_factory=dict)  # the form's fields, for a page that asks once more

    def send_all(self, files: list[UploadedFile]) -> list[Outcome]:
        return [outcome for file in files for outcome in self._each(file)]

    def _each(self, file: UploadedFile) -> Iterator[Outcome]:
        if not archives.is_archive(file):
            yield self.send(file)
            return
        try:
            yield from map(self.of_member, self.unpack(file).outcomes)
        except Refusal as refusal:
            yield self.of_refusal(refusal, _name(file))

    def send(self, file: UploadedFile) -> Outcome:
        """A file that is no archive."""
        try:
            intake.check_size(file.size or 0)  # before it is read into memory
            return _accepted_outcome(self._upload(file.read(), _name(file)), _name(file))
        except Refusal as refusal:
            return self.of_refusal(refusal, _name(file))

    def unpack(self, file: UploadedFile) -> ArchiveUpload:
        """A file that is an archive. Raises Refusal where nothing of it is looked at."""
        return upload_archive(
            by=self.by,
            patient=self.patient,
            file=file,
            size=file.size or 0,
            modality=self.modality,
            compared=self.compared,
            instead=self.instead,
            urgent=self.request.urgent,
            request=self.request,
        )

    def _upload(self, data: bytes, name: str) -> Upload:
        return upload_scan(
            by=self.by,
            patient=self.patient,
            data=data,
            name=name,
            modality=self.modality,
            compared=self.compared,
            urgent=self.request.urgent,
            request=self.request,
        )

    def of_member(self, member: MemberOutcome) -> Outcome:
        """Of one file of an archive, named by its path there."""
        if member.upload:
            outcome, of = _accepted_outcome(member.upload, member.path), member.upload.scan.patient
            return outcome if of == self.patient else replace(outcome, patient=of)
        assert member.refusal
        return self.of_refusal(member.refusal, member.path)

    def of_refusal(self, refusal: Refusal, name: str) -> Outcome:
        outcome = _refused_outcome(refusal, name)
        if not isinstance(refusal, IdentityMismatch):
            return outcome
        return replace(outcome, other=identity.find_bearer(refusal, patient=self.patient, by=self.by))


def _name(file: UploadedFile) -> str:
    return intake.clean_name(file.name or "")


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


def _refused_outcome(refusal: Refusal, name: str) -> Outcome:
    outcome = Outcome(
        _kind(refusal),
        refusal.http_status,
        name,
        refusal.sentence,
        refusal.code,
        choices=tuple(Modality) if isinstance(refusal, ModalityNeeded) else (),
        retryable=refusal.retryable,
    )
    if isinstance(refusal, IdentityMismatch):
        return replace(outcome, comparison=refusal.comparison, differences=tuple(refusal.differences))
    if isinstance(refusal, AttachedElsewhere) and not refusal.hidden:
        return replace(outcome, scan=refusal.scan)
    return outcome


def _kind(refusal: Refusal) -> str:
    if isinstance(refusal, AttachedElsewhere) and refusal.hidden:
        return "refused"
    kinds = {IdentityMismatch: "mismatch", AttachedElsewhere: "elsewhere", archives.LeftOut: "left_out"}
    return kinds.get(type(refusal), "refused")
