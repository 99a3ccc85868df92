"""The predictions of one analysis, ready to be shown: on the scan's page and in the review."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from diagnosis.models import Analysis, AttentionMap, EnsemblePrediction, Prediction
from diagnosis.models.review import Mark
from diagnosis.models.zone import upper_threshold
from diagnosis.results import card_words, marks, verdict
from diagnosis.results.labels import label_name
from diagnosis.results.verdict import Verdict
from diagnosis.rules.classifiers import Stop, Stops


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
class EnsemblePresentation:
    """An ensemble's prediction, ready to be shown. `point` as in `PredictionPresentation`."""

    prediction: EnsemblePrediction
    verdict: Verdict
    bars: tuple[Bar, ...]
    point: dict[str, Any]


@dataclass(frozen=True)
class PredictionPresentation:
    """One classifier's prediction, ready to be shown.

    `point` is its operating point with the name of its class as `label` and with `upper` for the second threshold; what
    its card says of it is in the reader's language.
    `beside_ensemble`: the analysis has an ensemble's prediction, and this classifier is no member of that ensemble.
    """

    prediction: Prediction
    verdict: Verdict
    bars: tuple[Bar, ...]
    point: dict[str, Any]
    beside_ensemble: bool
    # The map that was drawn of another image, where the page is of that one
    drawn: AttentionMap | None = None

    @property
    def map_shows_finding(self) -> bool:
        """Whether its map shows what speaks for the class that is looked out for."""
        return (self.drawn or self.prediction).shows_finding

    @property
    def shown_for(self) -> str:
        """The class whose evidence the attention map shows; "" for results that did not keep it."""
        return label_name(self.drawn.label if self.drawn else self.prediction.attention_label)


@dataclass(frozen=True)
class ResultPresentation:
    """Everything one analysis predicts. `marks` are what wants a person's eye, each with its sentence."""

    predictions: tuple[PredictionPresentation, ...] = ()
    ensemble: EnsemblePresentation | None = None
    marks: tuple[tuple[Mark, str], ...] = ()


def present(analysis: Analysis) -> ResultPresentation:
    """Uses prefetches of `predictions` and `ensemble_prediction` where there are any. Nothing is held back here."""
    rows = sorted(analysis.predictions.all(), key=lambda prediction: prediction.classifier)
    ensemble = analysis.ensemble
    return ResultPresentation(
        tuple(_present_prediction(row, ensemble) for row in rows),
        _present_ensemble(ensemble) if ensemble else None,
        _marked(rows, ensemble),
    )


def stops_of(analysis: Analysis | None, shown: ResultPresentation) -> list[Stop]:
    """Which of the classifiers whose results are shown stand stopped now; a query where there is something shown."""
    if analysis is None or not shown.predictions:
        return []
    study = analysis.study
    return Stops.of(study.clinic_id).among(study.modality, [one.prediction.identity for one in shown.predictions])


def with_drawn(
    predictions: tuple[PredictionPresentation, ...], maps: Iterable[AttentionMap]
) -> tuple[PredictionPresentation, ...]:
    """The same with the maps of another image, those that have one."""
    found = {one.prediction_id: one for one in maps}
    return tuple(replace(one, drawn=found[one.prediction.pk]) for one in predictions if one.prediction.pk in found)


def _present_prediction(prediction: Prediction, ensemble: EnsemblePrediction | None) -> PredictionPresentation:
    found = verdict.of_prediction(prediction)
    beside = ensemble is not None and prediction.identity not in ensemble.members
    return PredictionPresentation(prediction, found, _bars(prediction, found.tone), _point(prediction), beside)


def _present_ensemble(prediction: EnsemblePrediction) -> EnsemblePresentation:
    found = verdict.of_ensemble(prediction)
    return EnsemblePresentation(prediction, found, _bars(prediction, found.tone), _point(prediction))


def _point(one: Prediction | EnsemblePrediction) -> dict[str, Any]:
    stored = one.operating_point
    told = {name: card_words.tell(str(stored.get(name, ""))) for name in ("chosen_for", "measured_on")}
    return {**stored, **told, "label": label_name(stored["positive_label"]), "upper": upper_threshold(stored)}


def _bars(one: Prediction | EnsemblePrediction, tone: str) -> tuple[Bar, ...]:
    """The most probable class first."""
    point = _point(one)
    ordered = sorted(one.probabilities.items(), key=lambda pair: -pair[1])
    return tuple(
        Bar(label_name(label), probability, point["threshold"], point["upper"], tone)
        if label == point["positive_label"]
        else Bar(label_name(label), probability, None, None, "neutral")
        for label, probability in ordered
    )


def _marked(predictions: list[Prediction], ensemble: EnsemblePrediction | None) -> tuple[tuple[Mark, str], ...]:
    """What wants a person's eye beyond what the verdict says, each with its sentence."""
    found = marks.unsaid(predictions, ensemble)
    return tuple((mark, verdict.of_mark(mark, predictions)) for mark in found)
