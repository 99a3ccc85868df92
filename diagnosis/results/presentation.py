"""What the classifiers and their panel said in one analysis, ready to be shown: on the scan's page and at the desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diagnosis.models import Analysis, Combination, Prediction
from diagnosis.models.review import Mark
from diagnosis.models.zone import has_zones
from diagnosis.results import marks, verdict
from diagnosis.results.verdict import Verdict


@dataclass(frozen=True)
class Bar:
    """One class's probability. The thresholds are set on the class that the operating point is about.

    `upper` is None too where the operating point has one threshold.
    """

    name: str
    probability: float
    threshold: float | None
    upper: float | None
    tone: str


@dataclass(frozen=True)
class Combined:
    """A panel's combination, ready to be shown. `point` as in `Reading`."""

    combination: Combination
    verdict: Verdict
    bars: tuple[Bar, ...]
    point: dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """One classifier's prediction, ready to be shown.

    `point` is its operating point with the name of its class as `label`, and with `upper` for the second threshold.
    """

    prediction: Prediction
    verdict: Verdict
    bars: tuple[Bar, ...]
    point: dict[str, Any]

    @property
    def alarm(self) -> str:
        """What stands beside its attention map when that lies elsewhere than in the lungs."""
        return verdict.LOOKED_OUTSIDE if self.prediction.looked_outside else ""

    @property
    def shown_for(self) -> str:
        """The class whose evidence the attention map shows; "" for results that did not keep it."""
        return verdict.label_name(self.prediction.attention_label)


@dataclass(frozen=True)
class Answers:
    """Of one analysis. `marks` are what wants a person's eye, each with its sentence."""

    readings: tuple[Reading, ...] = ()
    combined: Combined | None = None
    marks: tuple[tuple[Mark, str], ...] = ()


def answers_of(analysis: Analysis) -> Answers:
    """Uses prefetches of `predictions` and `combination` where there are any. Nothing is held back here."""
    predictions = sorted(analysis.predictions.all(), key=lambda prediction: prediction.classifier)
    readings = tuple(_reading(prediction) for prediction in predictions)
    combination = analysis.combined
    return Answers(readings, _combined(combination) if combination else None, _marked(readings, combination))


def _reading(prediction: Prediction) -> Reading:
    said = verdict.of_prediction(prediction)
    return Reading(prediction, said, _bars(prediction, said.tone), _point(prediction))


def _combined(combination: Combination) -> Combined:
    said = verdict.of_combination(combination)
    return Combined(combination, said, _bars(combination, said.tone), _point(combination))


def _point(one: Prediction | Combination) -> dict[str, Any]:
    stored = one.operating_point
    upper = stored["positive_from"] if has_zones(stored) else None
    return {**stored, "label": verdict.label_name(stored["positive_label"]), "upper": upper}


def _bars(one: Prediction | Combination, tone: str) -> tuple[Bar, ...]:
    """The most probable class first."""
    point = _point(one)
    ordered = sorted(one.probabilities.items(), key=lambda pair: -pair[1])
    return tuple(
        Bar(verdict.label_name(label), probability, point["threshold"], point["upper"], tone)
        if label == point["positive_label"]
        else Bar(verdict.label_name(label), probability, None, None, "neutral")
        for label, probability in ordered
    )


def _marked(readings: tuple[Reading, ...], combination: Combination | None) -> tuple[tuple[Mark, str], ...]:
    """What wants a person's eye beyond what the verdict says, each with its sentence."""
    predictions = [reading.prediction for reading in readings]
    found = marks.unsaid(predictions, combination)
    return tuple((mark, verdict.of_mark(mark, predictions)) for mark in found)
