"""What stands in a printed report, as plain values: from the signature's snapshot, or from today's rows before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from diagnosis import report_content, suggestions, verdict
from diagnosis.models import Addendum, Report
from diagnosis.models.review import Category, Decision
from diagnosis.models.scan import Modality

NOT_GIVEN = "not recorded"


@dataclass(frozen=True)
class PrintedReport:
    """A report's parts in the order of the page; every value is text for people."""

    title: str
    clinic: str
    status: str
    facts: tuple[tuple[str, str], ...]
    findings: str
    impression: str
    category: str
    image_quality: str
    signature: str
    content_sha256: str
    addenda: tuple[tuple[str, str], ...]
    classifiers: tuple[tuple[str, ...], ...]
    decision: str
    intended_use: str
    is_final: bool


def printed(report: Report) -> PrintedReport:
    frozen = report.snapshot or report_content.snapshot(report)
    statement = frozen["intended_use"]
    return PrintedReport(
        title=f"{frozen['scan']['modality']}: radiology report",
        clinic=frozen["clinic"],
        status=_status(report),
        facts=_facts(frozen),
        findings=report.findings or "None described.",
        impression=report.impression,
        category=_category(report),
        image_quality=report.get_image_quality_display(),
        signature=_signature(report),
        content_sha256=report.content_sha256,
        addenda=tuple(_addendum(addendum) for addendum in report.addenda.all()),
        classifiers=_classifiers(frozen["analysis"]),
        decision=_decision(report),
        intended_use=f"{statement['sentence']} (Statement {statement['version']})",
        is_final=report.is_final,
    )


def _status(report: Report) -> str:
    if not report.is_final:
        return "Preliminary"
    return "Final, amended" if report.addenda.exists() else "Final"


def _facts(frozen: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    patient, scan = frozen["patient"], frozen["scan"]
    return (
        ("Patient", patient["name"]),
        ("Record number", patient["medical_record_number"]),
        ("Born", _day(patient["birth_date"])),
        ("Sex", patient["sex"]),
        ("Examination", scan["modality"]),
        ("Taken", _moment(scan["acquired_at"])),
        ("Uploaded", _moment(scan["uploaded_at"])),
        ("Accession number", scan["accession_number"] or NOT_GIVEN),
    )


def _category(report: Report) -> str:
    category = report.get_category_display()
    if report.scan.modality != Modality.CT:
        return category
    return f"{category} (usual CO-RADS counterpart: {suggestions.CO_RADS[Category(report.category)]})"


def _signature(report: Report) -> str:
    if report.signed_at is None:
        return "Not signed"
    return f"Signed electronically by {report.signer_name}, {_moment(report.signed_at.isoformat())}"


def _addendum(addendum: Addendum) -> tuple[str, str]:
    when = _moment(addendum.signed_at.isoformat())
    return f"Addendum {addendum.number}, signed by {addendum.signer_name}, {when}", addendum.text


def _decision(report: Report) -> str:
    review = report.review
    decided = review.get_decision_display()
    if review.decision != Decision.OVERRIDE:
        return f"The reader: {decided.lower()}."
    note = f" {review.override_note}" if review.override_note else ""
    return f"The reader: {decided.lower()}, because: {review.get_override_reason_display().lower()}.{note}"


def _classifiers(analysis: Mapping[str, Any] | None) -> tuple[tuple[str, ...], ...]:
    """A row for each classifier: name and version, class and probability, threshold, sensitivity, specificity, side."""
    return tuple(_classifier(prediction) for prediction in (analysis or {}).get("predictions", ()))


def _classifier(prediction: Mapping[str, Any]) -> tuple[str, ...]:
    point = prediction["operating_point"]
    return (
        f"{prediction['classifier']} {prediction['version']}",
        f"{verdict.label_name(point['positive_label'])}: {verdict.percent(prediction['probability'])}",
        f"{'above' if prediction['positive'] else 'below'} {verdict.percent(point['threshold'])}",
        _estimate(point["sensitivity"]),
        _estimate(point["specificity"]),
        prediction["weights_sha256"][:12],
    )


def _estimate(estimate: Mapping[str, float]) -> str:
    return f"{estimate['value']:.2f} ({estimate['low']:.2f}–{estimate['high']:.2f})"


def _day(text: str | None) -> str:
    return date_format(date.fromisoformat(text), "j F Y") if text else NOT_GIVEN


def _moment(text: str | None) -> str:
    if not text:
        return NOT_GIVEN
    return date_format(timezone.localtime(datetime.fromisoformat(text)), "j F Y, H:i T")
