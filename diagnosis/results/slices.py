"""What the classifiers said of each image of a study."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from accounts.models import User
from diagnosis.models import Analysis, AttentionMap, ImageResult, Prediction
from diagnosis.rules import blinding
from diagnosis.states import AnalysisStatus


@dataclass(frozen=True)
class Score:
    """`probability` of the ensemble, else the classifiers' mean, 0 to 1; `zone` of the ensemble, else empty.

    `above` of `total` classifiers reach their operating point. `predictions` have the maps that were drawn of it with
    the analysis, `drawn` are those that a person asked for.
    """

    probability: float
    zone: str
    above: int
    total: int
    predictions: tuple[Prediction, ...]
    drawn: tuple[AttentionMap, ...] = ()


def scores(study: uuid.UUID, *, visible_to: User, among: Collection[uuid.UUID] | None = None) -> dict[uuid.UUID, Score]:
    """By the image's key, for images of the study with a result that the person may see now; only `among` these."""
    if blinding.hides_result(visible_to, study):
        return {}
    latest = {key: row for key, row in _latest(study, among).items() if row.probability is not None}
    analyses = {row.analysis_id for row in latest.values()}
    maps, drawn = _maps(analyses), _drawn(analyses)
    return {
        image: _score(row, maps.get((row.analysis_id, image), ()), drawn.get((row.analysis_id, image), ()))
        for image, row in latest.items()
    }


def unasked(study: uuid.UUID, *, visible_to: User) -> list[str]:
    """The keys of the slices that the latest result leaves to a neighbour; none where it is hidden."""
    if blinding.hides_result(visible_to, study):
        return []
    return [str(key) for key, row in _latest(study).items() if row.was_left_to_a_neighbour]


def key_images(study: uuid.UUID, *, visible_to: User) -> list[str]:
    """The keys of the images that the latest result rests on most, in its order; none where it is hidden."""
    if blinding.hides_result(visible_to, study):
        return []
    done = Analysis.objects.filter(study=study, image=None, status=AnalysisStatus.SUCCEEDED)
    latest = done.with_all_images().order_by("-number").first()
    if latest is None:
        return []
    named = latest.aggregation.get("key_images") or latest.predictions.values_list("image_id", flat=True)
    return list(dict.fromkeys(str(key) for key in named))


def _latest(study: uuid.UUID, among: Collection[uuid.UUID] | None = None) -> dict[uuid.UUID, ImageResult]:
    """What the newest analysis that saw an image says of it, by the image's key."""
    rows = ImageResult.objects.filter(analysis__study=study)
    if among is not None:
        rows = rows.filter(image__in=among)
    return {row.image_id: row for row in rows.order_by("analysis__number")}


def _maps(analyses: set[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID], tuple[Prediction, ...]]:
    """The predictions with maps, by analysis and image."""
    found: dict[tuple[uuid.UUID, uuid.UUID], tuple[Prediction, ...]] = {}
    for one in Prediction.objects.filter(analysis__in=analyses).order_by("classifier"):
        key = one.analysis_id, one.image_id
        found[key] = (*found.get(key, ()), one)
    return found


def _drawn(analyses: set[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID], tuple[AttentionMap, ...]]:
    """The maps that people asked for, by analysis and image."""
    found: dict[tuple[uuid.UUID, uuid.UUID], tuple[AttentionMap, ...]] = {}
    drawn = AttentionMap.objects.filter(drawing__analysis__in=analyses).select_related("drawing", "prediction")
    for one in drawn.order_by("prediction__classifier"):
        key = one.drawing.analysis_id, one.drawing.image_id
        found[key] = (*found.get(key, ()), one)
    return found


def _score(row: ImageResult, predictions: tuple[Prediction, ...], drawn: tuple[AttentionMap, ...]) -> Score:
    assert row.probability is not None  # filtered
    return Score(row.probability, row.zone, row.above, len(row.probabilities), predictions, drawn)
