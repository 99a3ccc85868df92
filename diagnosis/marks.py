"""The zone of a result, and why it wants a person's eye. A mark moves nothing in the queue; it says where to look."""

from __future__ import annotations

from collections.abc import Sequence

from diagnosis.models import Combination, Prediction
from diagnosis.models.review import Mark
from diagnosis.models.zone import Zone, has_zones


def marks(predictions: Sequence[Prediction], combination: Combination | None) -> list[Mark]:
    """In the order in which they are shown; empty where nothing is special or nothing was said."""
    found = {
        Mark.DISAGREEMENT: len({prediction.positive for prediction in predictions}) > 1,
        Mark.INDETERMINATE: zone(predictions, combination) == Zone.INDETERMINATE,
        Mark.ATTENTION_OUTSIDE: any(prediction.looked_outside for prediction in predictions),
    }
    return [mark for mark, holds in found.items() if holds]


def unsaid(predictions: Sequence[Prediction], combination: Combination | None) -> list[Mark]:
    """Those of `marks` that the verdict of the result does not say itself."""
    said = {Mark.INDETERMINATE} if combination else {Mark.INDETERMINATE, Mark.DISAGREEMENT}
    return [mark for mark in marks(predictions, combination) if mark not in said]


def zone(predictions: Sequence[Prediction], combination: Combination | None) -> str:
    """Of the result as a whole: the combination's, else that of the only classifier where it has two thresholds.

    Empty for several classifiers that were not combined: none speaks for the others.
    """
    if combination:
        return combination.zone
    if len(predictions) == 1 and has_zones(predictions[0].operating_point):
        return predictions[0].zone
    return ""
