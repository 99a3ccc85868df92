"""Why a result wants a person's eye more than others. A mark changes no place in the queue; it says what to look at."""

from __future__ import annotations

from collections.abc import Sequence

from diagnosis.models import Combination, Prediction
from diagnosis.models.review import Mark
from diagnosis.models.zone import Zone


def marks(predictions: Sequence[Prediction], combination: Combination | None) -> list[Mark]:
    """In the order in which they are shown; empty where nothing is special or nothing was said."""
    found = {
        Mark.DISAGREEMENT: len({prediction.positive for prediction in predictions}) > 1,
        Mark.INDETERMINATE: _zone(predictions, combination) == Zone.INDETERMINATE,
        Mark.ATTENTION_OUTSIDE: any(prediction.looked_outside for prediction in predictions),
    }
    return [mark for mark, holds in found.items() if holds]


def _zone(predictions: Sequence[Prediction], combination: Combination | None) -> str:
    """Of the result as a whole: the combination's, else that of the only classifier; several without one have none."""
    if combination:
        return combination.zone
    return predictions[0].zone if len(predictions) == 1 else ""
