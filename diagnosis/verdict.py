"""What a result says, in careful words: one place for every page. Never the name of a disease that somebody has."""

from __future__ import annotations

from dataclasses import dataclass

from diagnosis.blinding import RESULT_HIDDEN
from diagnosis.models import Analysis, Prediction
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
NEVER_ASKED = "No analysis was requested, so there is no result"


@dataclass(frozen=True)
class Verdict:
    """`tone` names colour and icon of a page: queued, running, failed, cancelled, positive, negative, indeterminate."""

    tone: str
    status: str
    sentence: str
    label: str = ""
    probability: str = ""
    beside: str = ""  # the operating point's class and its probability, where another class is more probable


def label_name(label: str) -> str:
    return LABELS.get(label, label.replace("_", " "))


def percent(probability: float) -> str:
    """0 and 100 % would claim a certainty that no classifier has."""
    if probability < 0.001:
        return "< 0.1\u00a0%"
    if probability > 0.999:
        return "> 99.9\u00a0%"
    return share(probability)


def share(part: float) -> str:
    """A measured share as it is: all of 60 cases are 100.0 %, and their interval says what that is worth."""
    return f"{100 * part:.1f}\u00a0%"


def of_prediction(prediction: Prediction) -> Verdict:
    side = "Above" if prediction.positive else "Below"
    positive = prediction.operating_point["positive_label"]
    return Verdict(
        tone="positive" if prediction.positive else "negative",
        status=f"{side} the operating point",
        sentence=f"{side} the operating point for {label_name(positive)}",
        label=label_name(prediction.label),
        probability=percent(prediction.probabilities[prediction.label]),
        beside="" if prediction.label == positive else f"{label_name(positive)} {percent(prediction.probability)}",
    )


def of_analysis(analysis: Analysis | None, *, hidden: bool = False) -> Verdict:
    """One line for a whole analysis; uses a prefetch of `predictions` where there is one.

    `hidden` keeps a result back from somebody who reads first.
    """
    if analysis is None:
        return Verdict("cancelled", "Not analysed", NEVER_ASKED)
    status = S(analysis.status)
    if status == S.SUCCEEDED and hidden:
        return Verdict(status.value, status.label, RESULT_HIDDEN)
    if status == S.SUCCEEDED:
        return _of_panel(list(analysis.predictions.all()))
    sentences = {
        S.QUEUED: WAITING,
        S.RUNNING: RUNNING,
        S.FAILED: analysis.failure_reason,
        S.CANCELLED: CANCELLED,
    }
    return Verdict(status.value, status.label, sentences[status])


def _of_panel(predictions: list[Prediction]) -> Verdict:
    if len(predictions) == 1:
        return of_prediction(predictions[0])
    above, total = sum(prediction.positive for prediction in predictions), len(predictions)
    tone, status = _side(above, total)
    return Verdict(tone, status, f"{above} of {total} classifiers above their operating point", *_agreed(predictions))


def _side(above: int, total: int) -> tuple[str, str]:
    if 0 < above < total:
        return "indeterminate", "Classifiers disagree"
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
