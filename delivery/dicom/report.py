"""A signed report as DICOM: the PDF that the portal prints, encapsulated, and a structured report of its words.

Each state of a report that others may have seen is a document of its own; a later one names the one before it.
Completion, verification and the naming follow diagnosis.states.STANDING_ELSEWHERE. Both are in the language of the
clinic, in which its people write; the meanings of codes are those of the coding schemes, in English.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from delivery.dicom.objects import PRODUCT, Built, finish, language_item
from delivery.dicom.result import PROCEDURES
from delivery.dicom.subject import Subject
from delivery.dicom.uids import made_of
from diagnosis.models import Report
from diagnosis.models.modality import Modality
from diagnosis.models.review import Category
from diagnosis.reports.pdf import render_pdf
from diagnosis.reports.picture import pictures_of
from diagnosis.states import STANDING_ELSEWHERE, ReportStanding

if TYPE_CHECKING:
    from pydicom import Dataset

ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
ENHANCED_SR = "1.2.840.10008.5.1.4.1.1.88.22"
TITLE = ("18748-4", "LN", "Diagnostic imaging report")
# Heading, its code, and the code of the words below it (PS3.16 CID 7001, 7002).
SECTIONS = (
    ("indication", ("121109", "DCM", "Indications for Procedure"), ("121109", "DCM", "Indications for Procedure")),
    ("technique", ("121064", "DCM", "Current Procedure Descriptions"), ("121065", "DCM", "Procedure Description")),
    ("comparison", ("121068", "DCM", "Previous Findings"), ("121069", "DCM", "Previous Finding")),
    ("findings", ("121070", "DCM", "Findings"), ("121071", "DCM", "Finding")),
    ("impression", ("121072", "DCM", "Impressions"), ("121073", "DCM", "Impression")),
)
ADDENDUM = (("55107-7", "LN", "Addendum"), ("121106", "DCM", "Comment"))
REJECTED = ("113037", "DCM", "Rejected for Patient Safety Reasons")


def version_of(report: Report) -> str:
    """What tells this state of the report from its others: "1" as signed, "2" with one addendum …, "error"."""
    return "error" if report.error else str(1 + report.addenda.count())


def sr_uid(report: Report, version: str) -> str:
    return made_of(report.pk, "SR", version)


def pdf_uid(report: Report, version: str) -> str:
    return made_of(report.pk, "PDF", version)


def predecessor(report: Report, version: str) -> tuple[Report, str] | None:
    """The document that came before: of this report, else of the one that it corrects; None for the first."""
    if version == "error":
        return report, str(1 + report.addenda.count())
    if int(version) > 1:
        return report, str(int(version) - 1)
    before = report.corrects
    return (before, str(1 + before.addenda.count())) if before else None


def standing_at(report: Report, version: str) -> ReportStanding:
    """What the report was worth in that version, whatever came since."""
    if version == "error":
        return ReportStanding.ENTERED_IN_ERROR
    if int(version) > 1:
        return ReportStanding.APPENDED
    return ReportStanding.CORRECTED if report.corrects_id else ReportStanding.FINAL


def signed_at(report: Report, version: str) -> datetime:
    """When the words of that version were signed."""
    if version == "error":
        assert report.error
        return report.error.signed_at
    if int(version) > 1:
        return report.addenda.get(number=int(version) - 1).signed_at
    assert report.signed_at  # it is final
    return report.signed_at


def build(subject: Subject, report: Report, version: str, *, language: str) -> list[Built]:
    """The PDF and the SR, and for a report that was entered in error a selection that rejects what was sent of it.

    `language`: code of the one in which both are written, whichever is active.
    """
    with override(language):
        pdf = _pdf(subject, report, version)
        found = [finish(pdf, signed_at(report, version)), _sr(subject, report, version, pdf, language=language)]
    return [*found, _rejection(subject, report)] if STANDING_ELSEWHERE[standing_at(report, version)].rejected else found


def _pdf(subject: Subject, report: Report, version: str) -> Dataset:
    from pydicom import Dataset  # noqa: PLC0415  not in a web process
    from pydicom.dataset import FileMetaDataset  # noqa: PLC0415
    from pydicom.uid import UID, ExplicitVRLittleEndian  # noqa: PLC0415

    address = settings.PUBLIC_URL.rstrip("/") + reverse("diagnosis:report-verify", args=[report.verification_code])
    data = render_pdf(report, pictures=pictures_of(report), verification_url=address, repeatable=True)
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = UID(ENCAPSULATED_PDF)
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = UID(pdf_uid(report, version))
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    subject.fill(made)
    made.SeriesInstanceUID, made.SeriesNumber = made_of(report.pk, "PDF series"), 9003
    made.Modality, made.ConversionType = "DOC", "WSD"
    made.SeriesDescription, made.DocumentTitle = "Signed report", "Radiology report"
    made.InstanceNumber, made.AcquisitionDateTime = _number(version), ""
    made.ContentDate = made.ContentTime = ""
    made.BurnedInAnnotation, made.VerificationFlag = "YES", _flags(report, version).verification
    made.ConceptNameCodeSequence = [_code(*TITLE)]
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(data)
    made.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    return made


def _flags(report: Report, version: str) -> Any:
    return STANDING_ELSEWHERE[standing_at(report, version)]


def _number(version: str) -> int:
    return 999 if version == "error" else int(version)


def _code(value: str, scheme: str, meaning: str) -> Any:
    from highdicom.sr import CodedConcept  # noqa: PLC0415  not in a web process

    return CodedConcept(value, scheme, meaning)


def _sr(subject: Subject, report: Report, version: str, pdf: Dataset, *, language: str) -> Built:
    from highdicom.sr import EnhancedSR  # noqa: PLC0415  not in a web process

    flags, at = _flags(report, version), signed_at(report, version)
    before = predecessor(report, version) if flags.predecessor or flags.rejected else None
    made = EnhancedSR(
        evidence=[subject.original() if subject.has_original else pdf],
        content=_content(report, version, language)[0],
        series_instance_uid=made_of(report.pk, "SR series"),
        series_number=9004,
        sop_instance_uid=sr_uid(report, version),
        instance_number=_number(version),
        manufacturer=PRODUCT,
        is_complete=flags.completion == "COMPLETE",
        is_final=flags.preliminary == "FINAL",
        is_verified=flags.verification == "VERIFIED",
        institution_name=report.study.clinic.name[:64],
        verifying_observer_name=_person(_signer(report, version)),
        verifying_organization=report.study.clinic.name[:64],
        previous_versions=[_before(subject, *before)] if before else None,
    )
    made.SeriesDescription = "Signed report"
    subject.fill(made)
    for observer in made.VerifyingObserverSequence:
        observer.VerificationDateTime = f"{timezone.localtime(at):%Y%m%d%H%M%S}"
    return finish(made, at)


def _before(subject: Subject, report: Report, version: str) -> Dataset:
    return subject.instance(ENHANCED_SR, sr_uid(report, version), made_of(report.pk, "SR series"))


def _signer(report: Report, version: str) -> str:
    if version == "error":
        assert report.error
        return report.error.signer_name
    if int(version) > 1:
        return report.addenda.get(number=int(version) - 1).signer_name
    return report.signer_name


def _person(name: str) -> str:
    """A name as it was signed has no parts that are known; the family name's place holds it whole."""
    return "".join(" " if sign in "^=\\" else sign for sign in name)[:63].strip() + "^"


def _content(report: Report, version: str, language: str) -> Any:
    """PS3.16 TID 2000: headings with the words below them."""
    from highdicom import sr  # noqa: PLC0415  not in a web process

    root = sr.ContainerContentItem(_code(*TITLE), template_id="2000")
    observed = sr.CodeContentItem(
        _code("121058", "DCM", "Procedure reported"),
        _code(*PROCEDURES[Modality(report.study.modality)]),
        sr.RelationshipTypeValues.HAS_CONCEPT_MOD,
    )
    parts = [_section(heading, below, text) for heading, below, text in _texts(report, version) if text]
    root.ContentSequence = sr.ContentSequence([*language_item(language), observed, *parts], is_root=False)
    return sr.ContentSequence([root], is_root=True)


def _section(heading: Any, below: Any, text: str) -> Any:
    from highdicom import sr  # noqa: PLC0415  not in a web process

    contains = sr.RelationshipTypeValues.CONTAINS
    made = sr.ContainerContentItem(_code(*heading), relationship_type=contains)
    made.ContentSequence = sr.ContentSequence([sr.TextContentItem(_code(*below), text, contains)], is_root=False)
    return made


def _texts(report: Report, version: str) -> list[tuple[Any, Any, str]]:
    found = [(heading, below, getattr(report, name)) for name, heading, below in SECTIONS]
    found[-1] = (*found[-1][:2], f"{report.impression}\n{Category(report.category).label}")
    added = report.addenda.order_by("number")
    if version != "error":
        added = added.filter(number__lt=int(version))
    found += [(*ADDENDUM, f"{one.text}\n{one.signer_name}, {one.signed_at.isoformat()}") for one in added]
    if version == "error":
        assert report.error
        return [(*ADDENDUM, f"{standing_at(report, version).label.upper()}: {report.error.reason}"), *found]
    return found


def _rejection(subject: Subject, report: Report) -> Built:
    """Every SR and PDF of this report that was sent, for a receiver that knows rejection notes (IHE IOCM)."""
    from highdicom import ko  # noqa: PLC0415  not in a web process

    versions = [str(number) for number in range(1, 2 + report.addenda.count())]
    sent = [subject.instance(ENHANCED_SR, sr_uid(report, one), made_of(report.pk, "SR series")) for one in versions]
    sent += [
        subject.instance(ENCAPSULATED_PDF, pdf_uid(report, one), made_of(report.pk, "PDF series")) for one in versions
    ]
    made = ko.KeyObjectSelectionDocument(
        evidence=sent,
        content=ko.KeyObjectSelection(_code(*REJECTED), sent),
        series_instance_uid=made_of(report.pk, "KO series"),
        series_number=9005,
        sop_instance_uid=made_of(report.pk, "KO"),
        instance_number=1,
        manufacturer=PRODUCT,
    )
    subject.fill(made)
    return finish(made, signed_at(report, "error"))
