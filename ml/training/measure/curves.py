"""ROC and reliability as points with their intervals, few enough to store."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.spec import Estimate
from ml.training.measure.bootstrap import estimates
from ml.training.metrics import CALIBRATION_BINS, Measures, confidence_bins
from ml.training.scored_images import ScoredImages

CURVES, EVALUATION = "curves.json", "evaluation.png"
FALSE_ALARMS = np.linspace(0.0, 1.0, 51)
Curves = dict[str, Any]


def curves(scored: ScoredImages) -> Curves:
    """The curves of every label, each point with its 95 % interval over groups.

    `roc`: the sensitivity for each label against the rest at each of the `false_alarms` (1 - specificity).
    `reliability`: for each filled bin of the likeliest label's probability its mean, the share that was right and the
    number of images.
    """
    sensitivity = {
        name: _columns(estimates(scored, partial(_sensitivities, index=index)).values())
        for index, name in enumerate(scored.names)
    }
    return {
        "roc": {"false_alarms": FALSE_ALARMS.round(2).tolist(), "sensitivity": sensitivity},
        "reliability": _reliability(scored),
    }


def write_curves(folder: Path, drawn: Curves) -> None:
    """Write curves.json, compact."""
    (folder / CURVES).write_text(json.dumps(drawn, separators=(",", ":")) + "\n")


def roc(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """The highest sensitivity at no more than each of FALSE_ALARMS, float64 (51,); NaN when a side is empty."""
    if positive.all() or not positive.any():
        return np.full(FALSE_ALARMS.shape, np.nan)
    order = np.argsort(-scores, kind="stable")
    # A curve turns only where the score changes
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    hits, alarms = np.cumsum(positive[order])[ends], np.cumsum(~positive[order])[ends]
    reached = np.searchsorted(alarms / alarms[-1], FALSE_ALARMS, side="right")
    return np.asarray(np.append(0.0, hits / hits[-1])[reached])


def _sensitivities(scored: ScoredImages, index: int) -> Measures:
    values = roc(scored.labels == index, scored.probabilities[:, index])
    return {f"{level:.2f}": float(value) for level, value in zip(FALSE_ALARMS, values, strict=True)}


def _reliability(scored: ScoredImages) -> dict[str, list[float]]:
    confidence, bins = confidence_bins(scored)
    filled = np.unique(bins)
    return {
        "stated": [round(float(confidence[bins == each].mean()), 4) for each in filled],
        "right": _columns(estimates(scored, _right).values()),
        "images": np.bincount(bins, minlength=CALIBRATION_BINS)[filled].tolist(),
    }


def _right(scored: ScoredImages) -> Measures:
    """The share that was right in each filled bin."""
    _, bins = confidence_bins(scored)
    right = scored.predicted == scored.labels
    return {str(each): float(right[bins == each].mean()) for each in np.unique(bins)}


def _columns(points: Any) -> Mapping[str, list[float]]:
    listed: list[Estimate] = list(points)
    return {side: [getattr(point, side) for point in listed] for side in ("value", "low", "high")}
