"""The slices of a CT series, and what the classifiers said of each."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from django.db.models import F, QuerySet

from accounts.models import User
from diagnosis.models import Analysis, Prediction, Scan
from diagnosis.rules import blinding
from diagnosis.states import AnalysisStatus

# A study has hundreds of slices, not thousands; a page must not ask for more.
MOST = 2000


@dataclass(frozen=True)
class Score:
    """`probability` of the ensemble, else the classifiers' mean, 0 to 1; `zone` of the ensemble, else empty.

    `above` of `total` classifiers reach their operating point.
    """

    probability: float
    zone: str
    above: int
    total: int
    predictions: tuple[Prediction, ...]


def series(scan: Scan, *, visible_to: User) -> QuerySet[Scan]:
    """The scans of the same patient and series, from the first to the last; the scan alone where it has no series."""
    mine = Scan.objects.visible_to(visible_to).filter(patient=scan.patient_id)
    if not scan.in_series:
        return mine.filter(pk=scan.pk)
    same = mine.filter(modality=scan.modality, series_instance_uid=scan.series_instance_uid)
    return same.order_by(F("instance_number").asc(nulls_last=True), "uploaded_at", "pk")[:MOST]


def scores(slices: Iterable[Scan], *, visible_to: User) -> dict[uuid.UUID, Score]:
    """By the scan's key, for slices with a result that the person may see now."""
    found = list(slices)
    hidden = blinding.results_hidden_among(visible_to, found)
    done = Analysis.objects.filter(scan__in=found, status=AnalysisStatus.SUCCEEDED).exclude(scan__in=hidden)
    done = done.select_related("ensemble_prediction")
    latest = {analysis.scan_id: analysis for analysis in done.order_by("number").prefetch_related("predictions")}
    return {scan: score for scan, analysis in latest.items() if (score := _score(analysis))}


def _score(analysis: Analysis) -> Score | None:
    predictions = list(analysis.predictions.all())
    if not predictions:
        return None
    above = sum(prediction.at_or_above_threshold for prediction in predictions)
    ensemble = analysis.ensemble
    if ensemble:
        return Score(ensemble.probability, ensemble.zone, above, len(predictions), tuple(predictions))
    mean = fmean(prediction.probability for prediction in predictions)
    return Score(mean, "", above, len(predictions), tuple(predictions))
