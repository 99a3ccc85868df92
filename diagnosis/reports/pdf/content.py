"""What stands in a printed report, as plain values: from the signature's snapshot, or from today's rows before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from diagnosis import formats
from diagnosis.models import Addendum, Report
from diagnosis.models.review import Category, Decision
from diagnosis.models.scan import Modality
from diagnosis.models.zone import has_zones
from diagnosis.reports import content as report_content
from diagnosis.results import verdict
from diagnosis.reviews import suggestions

NOT_GIVEN = "not recorded"


@dataclass(frozen=True)
class PrintedPrediction:
    """A line of the machine's table: a combination, or one classifier with the beginning of its weights' hash."""

    name: str
    probability: str
    standing: str
    sensitivity: str
    specificity: str
    auc: str
    weights: str


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
    predictions: tuple[PrintedPrediction, ...]
    machine_notes: tuple[str, ...]
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
        predictions=_predictions(frozen["analysis"] or {}),
        machine_notes=_machine_notes(frozen["analysis"] or {}),
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
    co_rads = suggestions.co_rads(Modality(report.scan.modality), Category(report.category))
    return f"{category} (usual CO-RADS counterpart: {co_rads})" if co_rads else category


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


def _predictions(analysis: Mapping[str, Any]) -> tuple[PrintedPrediction, ...]:
    """The combination first, where there is one. Older snapshots know neither combinations nor zones nor cards."""
    combination = analysis.get("combination")
    first = [_prediction(combination, f"{combination['panel']} {combination['version']}", "")] if combination else []
    rest = [
        _prediction(one, f"{one['classifier']} {one['version']}", one["weights_sha256"][:12])
        for one in analysis.get("predictions", ())
    ]
    return (*first, *rest)


def _prediction(one: Mapping[str, Any], name: str, weights: str) -> PrintedPrediction:
    point = one["operating_point"]
    auc = one.get("card", {}).get("auc")
    return PrintedPrediction(
        name=name,
        probability=f"{verdict.label_name(point['positive_label'])}: {formats.percent(one['probability'])}",
        standing=_standing(one, point),
        sensitivity=_estimate(point["sensitivity"]),
        specificity=_estimate(point["specificity"]),
        auc=_estimate(auc) if auc else NOT_GIVEN,
        weights=weights,
    )


def _standing(one: Mapping[str, Any], point: Mapping[str, Any]) -> str:
    threshold = formats.percent(point["threshold"])
    if not (one.get("zone") and has_zones(point)):
        # Snapshots signed before zones call it "positive".
        reached = one.get("at_or_above_threshold", one.get("positive"))
        return f"{'above' if reached else 'below'} {threshold}"
    said = verdict.of_zone(one["zone"], point["positive_label"]).status.lower()
    return f"{said} ({threshold} / {formats.percent(point['positive_from'])})"


def _machine_notes(analysis: Mapping[str, Any]) -> tuple[str, ...]:
    """What stands below the table: why nothing was combined, what wants an eye, and what the model cards say."""
    notes = [f"{sentence}." for sentence in analysis.get("marks", ())]
    if analysis.get("without_combination"):
        notes.append(f"No combination: {analysis['without_combination']}")
    cards = [one.get("card", {}) for one in analysis.get("predictions", ())]
    # Most classifiers of a modality are meant for the same; a dict keeps the order.
    uses = dict.fromkeys(card["intended_use"] for card in cards if card.get("intended_use"))
    notes += [f"Intended use, as the model cards say: {use}" for use in uses]
    measured = dict.fromkeys(card["measured_on"] for card in cards if card.get("measured_on"))
    notes += [f"AUC, sensitivity and specificity were measured on {part}." for part in measured]
    return tuple(notes)


def _estimate(estimate: Mapping[str, float]) -> str:
    return f"{estimate['value']:.2f} ({estimate['low']:.2f}–{estimate['high']:.2f})"


def _day(text: str | None) -> str:
    return date_format(date.fromisoformat(text), "j F Y") if text else NOT_GIVEN


def _moment(text: str | None) -> str:
    if not text:
        return NOT_GIVEN
    return date_format(timezone.localtime(datetime.fromisoformat(text)), "j F Y, H:i T")
