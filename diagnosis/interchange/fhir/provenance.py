"""Who or what made a result or signed a report, from which images, as Provenance."""

from __future__ import annotations

from collections.abc import Sequence

from diagnosis.interchange.fhir.devices import maker
from diagnosis.interchange.fhir.elements import PARTICIPANT, Link, Resource, concept, instant, relative, without_empty
from diagnosis.interchange.fhir.reports import identity
from diagnosis.models import Analysis, EnsemblePrediction, Prediction, Report


def of_analysis(analysis: Analysis, predictions: Sequence[Prediction], *, link: Link = relative) -> Resource:
    """Of what one analysis predicted. Raises AssertionError for one that did not succeed."""
    assert analysis.finished_at
    combined = [analysis.ensemble] if analysis.ensemble else []
    rows: list[Prediction | EnsemblePrediction] = [*combined, *predictions]
    return {
        "resourceType": "Provenance",
        "id": str(analysis.pk),
        "target": [link("Observation", one.pk) for one in rows],
        "occurredDateTime": instant(analysis.finished_at),
        "recorded": instant(analysis.finished_at),
        "activity": {"text": f"Classification of images, number {analysis.number} of the study"},
        "agent": [
            *(_agent("assembler", "Assembler", link("Device", maker(one).key)) for one in rows),
            _agent("enterer", "Enterer", {"display": analysis.requested_by.full_name}),
        ],
        "entity": [_source(link("ImagingStudy", analysis.study_id))],
    }


def of_report(report: Report, *, link: Link = relative) -> Resource:
    """Of one signed version of a report. Raises AssertionError for one that is not signed."""
    assert report.signed_at
    author = report.author_name or report.signer_name
    return without_empty(
        {
            "resourceType": "Provenance",
            "id": str(report.pk),
            "target": [link("DiagnosticReport", identity(report))],
            "occurredDateTime": instant(report.signed_at),
            "recorded": instant(report.signed_at),
            "reason": [{"text": report.correction_reason}] if report.correction_reason else [],
            "activity": {"text": "Signature of a corrected report" if report.corrects_id else "Signature of a report"},
            "agent": [
                _agent("author", "Author", {"display": author}),
                _agent("legal", "Legal Authenticator", {"display": report.signer_name}),
            ],
            "entity": [_source(link("ImagingStudy", report.study_id))],
        }
    )


def _agent(code: str, display: str, who: Resource) -> Resource:
    return {"type": concept(PARTICIPANT, code, display), "who": who}


def _source(what: Resource) -> Resource:
    return {"role": "source", "what": what}
