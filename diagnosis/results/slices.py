"""The slices of a CT series, and what the classifiers said of each."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F, QuerySet

from accounts.models import User
from diagnosis.models import ImageResult, Prediction, Scan
from diagnosis.rules import blinding

# A study has hundreds of slices, not thousands; a page must not ask for more.
MOST = 2000


@dataclass(frozen=True)
class Score:
    """`probability` of the ensemble, else the classifiers' mean, 0 to 1; `zone` of the ensemble, else empty.

    `above` of `total` classifiers reach their operating point. `predictions` have the maps that were drawn of it.
    """

    probability: float
    zone: str
    above: int
    total: int
    predictions: tuple[Prediction, ...]


def series(scan: Scan, *, visible_to: User) -> QuerySet[Scan]:
    """The images of the scan's series, from the first to the last; the scan alone where it has no series."""
    mine = Scan.objects.visible_to(visible_to)
    if not scan.in_series:
        return mine.filter(pk=scan.pk)
    same = mine.filter(series=scan.series_id).select_related("series")
    return same.order_by(F("instance_number").asc(nulls_last=True), "uploaded_at", "pk")[:MOST]


def scores(slices: Iterable[Scan], *, visible_to: User) -> dict[uuid.UUID, Score]:
    """By the scan's key, for slices with a result that the person may see now."""
    found = list(slices)
    studies = {scan.study_id for scan in found}
    shown = studies - blinding.results_hidden_among(visible_to, studies)
    rows = ImageResult.objects.filter(image__in=found, analysis__study__in=shown, probability__isnull=False)
    latest = {row.image_id: row for row in rows.order_by("analysis__number")}
    maps = _maps({row.analysis_id for row in latest.values()})
    return {image: _score(row, maps.get((row.analysis_id, image), ())) for image, row in latest.items()}


def _maps(analyses: set[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID], tuple[Prediction, ...]]:
    """The predictions with maps, by analysis and image."""
    found: dict[tuple[uuid.UUID, uuid.UUID], tuple[Prediction, ...]] = {}
    for one in Prediction.objects.filter(analysis__in=analyses).order_by("classifier"):
        key = one.analysis_id, one.image_id
        found[key] = (*found.get(key, ()), one)
    return found


def _score(row: ImageResult, predictions: tuple[Prediction, ...]) -> Score:
    assert row.probability is not None  # filtered
    return Score(row.probability, row.zone, row.above, len(row.probabilities), predictions)
