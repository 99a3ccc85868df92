"""A report as DiagnosticReport, with an Observation for each coded finding."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.html import format_html, format_html_join

from diagnosis.interchange.fhir.elements import (
    LOINC,
    NAMESPACE,
    OBSERVATION_CATEGORY,
    SECTION,
    Link,
    Resource,
    coding,
    concept,
    examined,
    instant,
    stop_sentences,
    stopped_tag,
    without_empty,
)
from diagnosis.models import Report
from diagnosis.models.finding import RADLEX, SNOMED_CT, Finding
from diagnosis.models.review import Category
from diagnosis.rules.classifiers import Stop
from diagnosis.states import STANDING_ELSEWHERE, ReportStatus

SYSTEMS = {RADLEX: "http://radlex.org", SNOMED_CT: "http://snomed.info/sct"}
IMAGING = coding(LOINC, "18748-4", "Diagnostic imaging study")
RADIOLOGY = concept(SECTION, "RAD", "Radiology")
SECTIONS = ("indication", "technique", "comparison", "findings", "impression")


def identity(report: Report) -> uuid.UUID:
    """The key of the first version: what FHIR calls the report, of which every version is a state."""
    first = report
    while first.corrects:
        first = first.corrects
    return first.pk


def issued(report: Report) -> datetime | None:
    """When the words that hold today were signed: the report's, its last addendum's, its entry in error's."""
    later = [one.signed_at for one in report.addenda.all()] + ([report.error.signed_at] if report.error else [])
    return max(filter(None, [report.signed_at, *later]), default=None)


def diagnostic_report(
    report: Report, *, link: Link, pdf: str, stops: Sequence[Stop] = (), based_on: Sequence[Resource] = ()
) -> Resource:
    """The report, whose PDF lies at `pdf`; empty where there is none. The findings are `findings`.

    `stops`: of the classifiers whose result its reader was shown, those that were stopped since. What was signed stays
    as it is; the narrative and a tag say so. `based_on`: references to the orders that it answers.
    """
    when = issued(report)
    return without_empty(
        {
            "resourceType": "DiagnosticReport",
            "id": str(identity(report)),
            "meta": stopped_tag(stops),
            "text": {"status": "generated", "div": _narrative(report, stops)},
            "basedOn": list(based_on),
            "status": STANDING_ELSEWHERE[report.standing].fhir,
            "category": [RADIOLOGY],
            "code": {"coding": [IMAGING]},
            "subject": link("Patient", report.study.patient_id),
            "effectiveDateTime": examined(report.study),
            "issued": instant(when) if when else "",
            "resultsInterpreter": [{"display": report.signer_name}] if report.signer_name else [],
            "imagingStudy": [link("ImagingStudy", report.study_id)],
            "conclusion": "\n\n".join([report.impression, *_added(report)]),
            "conclusionCode": [{"text": str(Category(report.category).label)}],
            "presentedForm": [{"contentType": "application/pdf", "url": pdf}] if pdf else [],
        }
    )


def _added(report: Report) -> list[str]:
    """What was signed beside it, so that nobody reads the report without it."""
    error = [f"Entered in error: {report.error.reason}"] if report.error else []
    return [*error, *(f"Addendum {one.number}, {one.signer_name}: {one.text}" for one in report.addenda.all())]


def shown_classifiers(report: Report) -> list[str]:
    """The identities of the classifiers whose result the reader was shown: as it was signed, else as it is now."""
    if report.is_final:
        frozen = (report.snapshot.get("analysis") or {}).get("predictions") or []
        return [f"{one['classifier']}/{one['version']}" for one in frozen]
    analysis = report.reading.analysis
    return [one.identity for one in analysis.predictions.all()] if analysis else []


def _narrative(report: Report, stops: Sequence[Stop]) -> str:
    said = [(name.capitalize(), getattr(report, name)) for name in SECTIONS if getattr(report, name)]
    parts = format_html_join("", "<p><b>{}</b></p><p>{}</p>", said)
    beside = (*_added(report), *(f"Not signed: {one}" for one in stop_sentences(stops)))
    added = format_html_join("", "<p>{}</p>", ((one,) for one in beside))
    return str(format_html('<div xmlns="http://www.w3.org/1999/xhtml">{}{}</div>', parts, added))


def findings(report: Report, *, link: Link) -> list[Resource]:
    """An Observation for each coded finding."""
    return [_finding(report, number, one, link) for number, one in enumerate(report.coded_findings)]


def _finding(report: Report, number: int, stored: dict[str, Any], link: Link) -> Resource:
    code, label = stored["code"], str(Finding(stored["finding"]).label)
    coded = [coding(SYSTEMS[code["scheme"]], code["value"], code["meaning"])] if code else []
    return without_empty(
        {
            "resourceType": "Observation",
            "id": str(uuid.uuid5(NAMESPACE, f"{report.pk} {number}")),
            "status": _status(report),
            "category": [concept(OBSERVATION_CATEGORY, "imaging", "Imaging")],
            "code": without_empty({"coding": coded, "text": label}),
            "subject": link("Patient", report.study.patient_id),
            "valueCodeableConcept": {"text": stored["presence"]},
            "bodySite": {"text": stored["side"]} if stored["side"] else {},
        }
    )


def _status(report: Report) -> str:
    """Observation has no `appended`: the finding itself was not added to."""
    if report.status != ReportStatus.FINAL:
        return "preliminary"
    found = STANDING_ELSEWHERE[report.standing].fhir
    return "final" if found == "appended" else found
