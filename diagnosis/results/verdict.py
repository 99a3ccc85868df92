"""What a result says, in careful words: one place for every page. Never the name of a disease that somebody has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from diagnosis.formats import percent
from diagnosis.models import Analysis, EnsemblePrediction, Prediction
from diagnosis.models.review import Mark
from diagnosis.models.zone import Zone, has_zones
from diagnosis.rules.blinding import RESULT_HIDDEN
from diagnosis.states import AnalysisStatus as S

# A class is a pattern in an image, not a disease.
LABELS = {
    "covid": "COVID-19 pattern",
    "pneumonia": "other pneumonia pattern",
    "normal": "no such pattern",
    "non-covid": "no COVID-19 pattern",
}
WAITING = "Waiting for a free worker"
RUNNING = "The classifiers are reading the image"
CANCELLED = "The analysis was cancelled, so there is no result"
# Nothing broke: the image is not one that the classifiers can answer for.
NOT_CLASSIFIED = "Not classified"
NEVER_ASKED = "No analysis was requested, so there is no result"
NOT_UNANIMOUS = "Some above, some below"
ATTENTION_OUTSIDE = "Most of the attention lies outside the lungs: distrust this result"

# For each zone: where the probability is, and what follows from that for whoever reads it.
_ZONES = {
    Zone.NEGATIVE: ("below the lower threshold", "That does not rule out a disease."),
    Zone.INDETERMINATE: ("between the two thresholds", "The classifiers do not settle it; a reader has to."),
    Zone.POSITIVE: ("at or above the upper threshold", "That does not confirm a disease."),
}
_CHIPS = {
    Mark.DISAGREEMENT: "classifiers disagree",
    Mark.INDETERMINATE: "indeterminate",
    Mark.ATTENTION_OUTSIDE: "attention outside the lungs",
}


@dataclass(frozen=True)
class Verdict:
    """`tone` names colour and icon of a page: queued, running, failed, cancelled, positive, negative, indeterminate."""

    tone: str
    status: str
    sentence: str
    label: str = ""
    probability: str = ""
    beside: str = ""  # the operating point's class and its probability, where another class is more probable
    word: str = ""  # the status where there is room for one word
    explained: str = ""  # what the status means, and what it does not


def label_name(label: str) -> str:
    return LABELS.get(label, label.replace("_", " "))


def chip(mark: str) -> str:
    """A mark in few words."""
    return _CHIPS[Mark(mark)]


def of_mark(mark: str, predictions: Sequence[Prediction]) -> str:
    """A mark as a sentence beside the result that it was found in."""
    if mark == Mark.DISAGREEMENT:
        stances = [prediction.stance for prediction in predictions]
        positive, negative = stances.count(Zone.POSITIVE), stances.count(Zone.NEGATIVE)
        return f"The classifiers disagree: {positive} of {len(stances)} positive, {negative} negative"
    if mark == Mark.INDETERMINATE:
        return "The probability is between the two thresholds"
    names = ", ".join(prediction.classifier for prediction in predictions if prediction.attends_outside_lungs)
    return f"{ATTENTION_OUTSIDE} ({names})"


def of_zone(zone: str, positive_label: str) -> Verdict:
    """The verdict of an operating point with two thresholds; without any probability."""
    found = Zone(zone)
    where, follows = _ZONES[found]
    status = f"{found.label} zone"
    subject = label_name(positive_label)
    return Verdict(
        tone=found.value,
        status=status,
        sentence=f"{status} for {subject}: {where}",
        word=found.label.lower(),
        explained=f"The probability of “{subject}” is {where}. {follows}",
    )


def of_side(positive: bool, positive_label: str) -> Verdict:
    """The verdict of an operating point with one threshold; without any probability."""
    side = "Above" if positive else "Below"
    return Verdict(
        tone="positive" if positive else "negative",
        status=f"{side} the operating point",
        sentence=f"{side} the operating point for {label_name(positive_label)}",
        word=side.lower(),
    )


def of_prediction(prediction: Prediction) -> Verdict:
    point = prediction.operating_point
    if prediction.zone and has_zones(point):
        said = of_zone(prediction.zone, point["positive_label"])
    else:
        said = of_side(prediction.at_or_above_threshold, point["positive_label"])
    return _with_probability(said, prediction)


def of_ensemble(ensemble: EnsemblePrediction) -> Verdict:
    return _with_probability(of_zone(ensemble.zone, ensemble.operating_point["positive_label"]), ensemble)


def of_analysis(analysis: Analysis | None, *, hidden: bool = False) -> Verdict:
    """One line for a whole analysis; uses prefetches of `predictions` and `ensemble` where there are any.

    `hidden` keeps a result back from somebody who reads first.
    """
    if analysis is None:
        return Verdict("cancelled", "Not analysed", NEVER_ASKED)
    status = S(analysis.status)
    if status == S.SUCCEEDED and hidden:
        return Verdict(status.value, status.label, RESULT_HIDDEN)
    if status == S.SUCCEEDED:
        ensemble = analysis.ensemble
        return of_ensemble(ensemble) if ensemble else _of_several(list(analysis.predictions.all()))
    sentences = {
        S.QUEUED: WAITING,
        S.RUNNING: RUNNING,
        S.FAILED: analysis.failure_reason,
        S.CANCELLED: CANCELLED,
    }
    refused = status == S.FAILED and not analysis.failure_retryable
    return Verdict(status.value, NOT_CLASSIFIED if refused else status.label, sentences[status])


def _with_probability(said: Verdict, one: Prediction | EnsemblePrediction) -> Verdict:
    """`said` with the most probable class of a prediction or ensemble, and the operating point's beside it."""
    positive = one.operating_point["positive_label"]
    return replace(
        said,
        label=label_name(one.label),
        probability=percent(one.probabilities[one.label]),
        beside="" if one.label == positive else f"{label_name(positive)} {percent(one.probability)}",
    )


def _of_several(predictions: list[Prediction]) -> Verdict:
    """Of classifiers whose answers were not combined."""
    if len(predictions) == 1:
        return of_prediction(predictions[0])
    tone, status = _side(sum(prediction.at_or_above_threshold for prediction in predictions), len(predictions))
    label, probability = _agreed(predictions)
    return Verdict(tone, status, _count_above(predictions), label, probability)


def _count_above(predictions: Sequence[Prediction]) -> str:
    above = sum(prediction.at_or_above_threshold for prediction in predictions)
    return f"{above} of {len(predictions)} classifiers above their operating point"


def _side(above: int, total: int) -> tuple[str, str]:
    if 0 < above < total:
        return "indeterminate", NOT_UNANIMOUS
    return ("positive", "Above the operating point") if above else ("negative", "Below the operating point")


def _agreed(predictions: list[Prediction]) -> tuple[str, str]:
    """The most probable class and the range of its probability where all agree; else nothing."""
    labels = {prediction.label for prediction in predictions}
    if len(labels) != 1:
        return "", ""
    label = labels.pop()
    values = sorted(prediction.probabilities[label] for prediction in predictions)
    lowest, highest = percent(values[0]), percent(values[-1])
    return label_name(label), lowest if lowest == highest else f"{lowest} to {highest}"
