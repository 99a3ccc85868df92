"""Who or what made a result or signed a version of a report; shown wherever the result or the report is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import F, Q, QuerySet
from rest_framework.request import Request

from diagnosis.api import scope
from diagnosis.interchange.fhir import provenance
from diagnosis.interchange.fhir.elements import Resource
from diagnosis.models import Analysis, EnsemblePrediction, Prediction, Report
from diagnosis.rules.blinding import READING_HIDDEN, RESULT_HIDDEN
from diagnosis.states import AnalysisStatus, ReportStatus
from fhir import values
from fhir.changes import corrected, latest
from fhir.kinds import RowKind, Source
from fhir.resources.patients import of_patient
from fhir.resources.reports import check, every_version, suspects, versions


def _analyses(request: Request) -> QuerySet[Any]:
    found = scope.readable(request).filter(status=AnalysisStatus.SUCCEEDED)
    found = found.select_related("study", "requested_by", "ensemble_prediction").prefetch_related("predictions")
    changed = latest("finished_at", *corrected("study__patient"))
    return found.annotate(hidden=F("result_hidden"), changed=changed)


def _signed(request: Request) -> QuerySet[Any]:
    return every_version(request).filter(status=ReportStatus.FINAL)


def _build_analyses(request: Request, rows: Sequence[Any]) -> list[Resource]:
    return [provenance.of_analysis(row, list(row.predictions.all())) for row in rows]


def _build_reports(request: Request, rows: Sequence[Any]) -> list[Resource]:
    return [provenance.of_report(row) for row in rows]


def _of_result(value: str) -> Q:
    found = values.key(values.target(value, "Observation"))
    if not found:
        return values.NOTHING
    # Asked apart: a join would give an analysis once for each of its predictions.
    kinds = (Prediction, EnsemblePrediction)
    one, other = (Q(pk__in=kind._default_manager.filter(pk=found).values("analysis")) for kind in kinds)
    return one | other


def _of_report(value: str) -> Q:
    found = values.key(values.target(value, "DiagnosticReport")) if "/" in value else None
    return Q(pk__in=list(versions(found))) if found else values.NOTHING


def _find(recorded: str, target: values.Find) -> dict[str, values.Find]:
    return {
        "_lastUpdated": values.moment("changed"),
        "patient": of_patient("study__patient")["patient"],
        "recorded": values.moment(recorded),
        "entity": values.reference("study", "ImagingStudy"),
        "target": target,
    }


PROVENANCE = RowKind(
    "Provenance",
    [
        Source(
            Analysis,
            _analyses,
            "finished_at",
            _build_analyses,
            _find("finished_at", _of_result),
            why_hidden=RESULT_HIDDEN,
        ),
        Source(
            Report,
            _signed,
            "signed_at",
            _build_reports,
            _find("signed_at", _of_report),
            why_hidden=READING_HIDDEN,
            check=check,
            suspects=suspects,
        ),
    ],
    {
        "_id": "token",
        "_lastUpdated": "date",
        "patient": "reference",
        "recorded": "date",
        "entity": "reference",
        "target": "reference",
    },
)
