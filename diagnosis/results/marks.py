"""The zone of a result, and why it wants a person's eye. A mark moves nothing in the queue; it says where to look."""

from __future__ import annotations

from collections.abc import Sequence

from diagnosis.models import EnsemblePrediction, Prediction
from diagnosis.models.review import Mark
from diagnosis.models.zone import Zone, has_zones


def marks(predictions: Sequence[Prediction], ensemble: EnsemblePrediction | None) -> list[Mark]:
    """In the order in which they are shown; empty where nothing is special or nothing was said."""
    found = {
        Mark.DISAGREEMENT: {Zone.NEGATIVE, Zone.POSITIVE} <= {prediction.stance for prediction in predictions},
        Mark.INDETERMINATE: zone(predictions, ensemble) == Zone.INDETERMINATE,
    }
    return [mark for mark, holds in found.items() if holds]


def unsaid(predictions: Sequence[Prediction], ensemble: EnsemblePrediction | None) -> list[Mark]:
    """Those of `marks` that the verdict of the result does not say itself."""
    return [mark for mark in marks(predictions, ensemble) if mark != Mark.INDETERMINATE]


def zone(predictions: Sequence[Prediction], ensemble: EnsemblePrediction | None) -> str:
    """Of the result as a whole: the ensemble's, else that of the only classifier where it has two thresholds.

    Empty for several classifiers that were not combined: none speaks for the others.
    """
    if ensemble:
        return ensemble.zone
    if len(predictions) == 1 and has_zones(predictions[0].operating_point):
        return predictions[0].zone
    return ""
