"""Measures of a classifier, as plain functions of what it said."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ml.spec import positive_zone_start
from ml.training.scored_images import ScoredImages

Measures = dict[str, float]
CALIBRATION_BINS = 15


def area_under_curve(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties counting half.

    NaN when one side is empty.
    """
    ups, downs = int(positive.sum()), int((~positive).sum())
    if ups == 0 or downs == 0:
        return float("nan")
    _, which, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    return float((ranks[positive].sum() - ups * (ups + 1) / 2) / (ups * downs))


def positive_area(scored: ScoredImages) -> Measures:
    """AUC of the positive label."""
    return {"auc": area_under_curve(scored.positive, scored.score)}


def confusion(scored: ScoredImages) -> NDArray[np.int64]:
    """Counts (truth, prediction), int64 (classes, classes)."""
    classes = len(scored.names)
    cells = np.bincount(scored.labels * classes + scored.predicted, minlength=classes**2)
    return cells.reshape(classes, classes)


def calibration_error(scored: ScoredImages) -> float:
    """Expected calibration error of the likeliest label, 15 bins of equal width (Naeini et al., AAAI 2015)."""
    confidence, bins = confidence_bins(scored)
    right = scored.predicted == scored.labels
    gaps = np.bincount(bins, weights=right - confidence, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(right))


def confidence_bins(scored: ScoredImages) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The probability of the likeliest label (n,), and which of 15 bins of equal width it falls into."""
    confidence = scored.probabilities.max(axis=1)
    return confidence, np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def classification_measures(scored: ScoredImages) -> Measures:
    """Accuracy, AUC of each label against the rest, calibration error; precision, recall and F1 of each label."""
    table = confusion(scored).astype(float)
    measures = {
        "accuracy": float(table.trace() / table.sum()),
        "balanced_accuracy": float(np.mean(_share(table.diagonal(), table.sum(axis=1)))),
        "calibration_error": calibration_error(scored),
    }
    precision, recall = _share(table.diagonal(), table.sum(axis=0)), _share(table.diagonal(), table.sum(axis=1))
    for index, name in enumerate(scored.names):
        measures[f"auc/{name}"] = area_under_curve(scored.labels == index, scored.probabilities[:, index])
        measures[f"precision/{name}"] = float(precision[index])
        measures[f"recall/{name}"] = float(recall[index])
        both = precision[index] + recall[index]
        measures[f"f1/{name}"] = float(2 * precision[index] * recall[index] / both) if both > 0 else 0.0
    return measures


def within_source_measures(scored: ScoredImages) -> Measures:
    """AUC of the positive label among the images of one source, for every source that has both kinds.

    The source cannot give the label away there.
    """
    sources = sorted(set(scored.sources.tolist()))
    areas = {source: _area_within(scored, source) for source in sources}
    return {f"auc_within/{source}": area for source, area in areas.items() if np.isfinite(area)}


def operating_measures(threshold: float) -> Callable[[ScoredImages], Measures]:
    """Sensitivity and specificity for the positive label at a threshold."""

    def measure(scored: ScoredImages) -> Measures:
        return _sides(scored, scored.score >= threshold)

    return measure


def zone_measures(threshold: float, positive_from: float) -> Callable[[ScoredImages], Measures]:
    """What the three zones do.

    `indeterminate` is the share of images between the bounds; `.../positive_zone` counts the positive zone alone as a
    call; `.../outer_zones` leaves the indeterminate images out.
    """

    def measure(scored: ScoredImages) -> Measures:
        called, clear = scored.score >= threshold, scored.score >= positive_zone_start(positive_from)
        outer = clear | ~called
        sides = {
            "positive_zone": _sides(scored, clear),
            "outer_zones": _sides(scored.take(outer), clear[outer]),
        }
        named = {f"{name}/{zone}": value for zone, both in sides.items() for name, value in both.items()}
        return {"indeterminate": float(1.0 - outer.mean()), **named}

    return measure


def _area_within(scored: ScoredImages, source: str) -> float:
    here = scored.sources == source
    return area_under_curve(scored.positive[here], scored.score[here])


def _sides(scored: ScoredImages, called: NDArray[np.bool_]) -> Measures:
    return {"sensitivity": _mean(called[scored.positive]), "specificity": _mean(~called[~scored.positive])}


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """part / whole, 0 where there is nothing."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if values.size else float("nan")
