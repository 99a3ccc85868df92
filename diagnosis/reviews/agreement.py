"""How a reader's category stands to the classifiers' result, and whether the reader's own stand fits that.

The categories are a reader's; the result's answer is read from its zone and its likeliest class. They speak of the
COVID-19 pattern, and a result whose thresholds are for another class is not compared with them. Where category and
stand contradict each other the reader is asked once, and what they say is kept: one of the two is often a slip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext, gettext_noop

from diagnosis.errors import Refusal
from diagnosis.models import Analysis, EnsemblePrediction, Prediction
from diagnosis.models.agreement import Agreement
from diagnosis.models.review import Category, Decision
from diagnosis.models.zone import Zone
from diagnosis.results import marks
from diagnosis.results.labels import OTHERS, label_name

# Classes that name another finding than the one that is looked for, and those that name none.
_OTHER_FINDINGS = frozenset({"pneumonia"})
_NO_FINDING = frozenset({"normal"})


class Answer(StrEnum):
    """What a result says of the image, as far as a category can be compared with it."""

    FOUND = "found"
    FOUND_OR_OTHER = "found_or_other"
    OPEN = "open"
    OTHER = "other"
    NOTHING = "nothing"
    NOT_IT = "not_it"
    ANOTHER_QUESTION = "another_question"


_A, _D, _O = Agreement.AGREES, Agreement.DIFFERS, Agreement.OPEN
_COLUMNS = (Category.TYPICAL, Category.INDETERMINATE, Category.ATYPICAL, Category.NEGATIVE)
_TABLE: Mapping[Answer, Sequence[Agreement]] = {
    Answer.FOUND: (_A, _O, _D, _D),
    Answer.FOUND_OR_OTHER: (_A, _O, _O, _D),
    Answer.OPEN: (_O, _A, _O, _O),
    Answer.OTHER: (_D, _O, _A, _D),
    Answer.NOTHING: (_D, _D, _D, _A),
    Answer.NOT_IT: (_D, _D, _A, _A),
    Answer.ANOTHER_QUESTION: (_O, _O, _O, _O),
}
_MEANINGS = {
    Answer.FOUND: gettext_noop(
        "To agree means that you see this pattern too: category “typical”. “Atypical” and “negative” contradict the "
        "result; with “indeterminate” you may do either."
    ),
    Answer.FOUND_OR_OTHER: gettext_noop(
        "The result is positive, although another finding is more likely. “Typical” agrees with it and “negative” "
        "contradicts it; with “indeterminate” or “atypical” you may do either."
    ),
    Answer.OPEN: gettext_noop(
        "The result leaves the question open. To agree means that the image does not settle it: category "
        "“indeterminate”. With any other category you may do either; it counts neither as agreement nor as "
        "disagreement."
    ),
    Answer.OTHER: gettext_noop(
        "To agree means that you see another finding than the one looked for: category “atypical”. “Typical” and "
        "“negative” contradict the result; with “indeterminate” you may do either."
    ),
    Answer.NOTHING: gettext_noop(
        "To agree means that you see no pneumonia: category “negative”. Every other category contradicts the result."
    ),
    Answer.NOT_IT: gettext_noop(
        "To agree means that you do not see this pattern: category “atypical” or “negative”. “Typical” and "
        "“indeterminate” contradict the result."
    ),
    Answer.ANOTHER_QUESTION: gettext_noop(
        "The result answers for “%(finding)s”, which no category names. With any category you may do either; it counts "
        "neither as agreement nor as disagreement."
    ),
}
_CONTRADICTIONS = {
    (Decision.AGREE, Agreement.DIFFERS): gettext_noop(
        "Your category, “%(category)s”, contradicts the classifiers' result, but you agree with the result. Change one "
        "of them, or say why both are right. Nothing has been decided yet."
    ),
    (Decision.OVERRIDE, Agreement.AGREES): gettext_noop(
        "Your category, “%(category)s”, says the same as the classifiers' result, but you override the result. Change "
        "one of them, or say why both are right. Nothing has been decided yet."
    ),
}


class Contradiction(Refusal):
    """The category and the stand on the result contradict each other; a person must say why before both are kept."""

    http_status = 409

    def __init__(self, decision: Decision, found: Agreement, category: Category) -> None:
        super().__init__("contradiction", _CONTRADICTIONS[decision, found], category=category.label)
        self.found = found

    @property
    def details(self) -> dict[str, Any]:
        return {"agreement": self.found.value, "confirm_with": "contradiction_reason"}


def answer_of(analysis: Analysis) -> Answer:
    """What the result of a finished analysis says of the image."""
    predictions, ensemble = list(analysis.predictions.all()), analysis.ensemble
    if _other_findings(predictions, ensemble):
        return Answer.ANOTHER_QUESTION
    zone, likeliest = _zone(predictions, ensemble), _likeliest(predictions, ensemble)
    if zone == Zone.POSITIVE:
        return Answer.FOUND_OR_OTHER if likeliest in _OTHER_FINDINGS else Answer.FOUND
    if zone == Zone.INDETERMINATE:
        return Answer.OPEN
    return _without_pattern(_abnormality(ensemble), likeliest)


def _without_pattern(abnormality: str, likeliest: str) -> Answer:
    """Of a result below the pattern's threshold; `abnormality` is a zone, empty where nothing answers for it."""
    if likeliest in _OTHER_FINDINGS or abnormality == Zone.POSITIVE:
        return Answer.OTHER
    is_clear = likeliest in _NO_FINDING and abnormality in ("", Zone.NEGATIVE)
    return Answer.NOTHING if is_clear else Answer.NOT_IT


def _abnormality(ensemble: EnsemblePrediction | None) -> str:
    return str(ensemble.abnormality["zone"]) if ensemble and ensemble.abnormality else ""


def between(analysis: Analysis, category: Category) -> Agreement:
    """How `category` stands to the result of a finished analysis."""
    return _TABLE[answer_of(analysis)][_COLUMNS.index(category)]


def meaning(analysis: Analysis) -> str:
    """What it means to agree with this result: beside the choice, in the active language."""
    others = _other_findings(list(analysis.predictions.all()), analysis.ensemble)
    finding = ", ".join(label_name(label) for label in others)
    return gettext(_MEANINGS[answer_of(analysis)]) % {"finding": finding}


def stand_on(analysis: Analysis | None, *, category: Category, decision: Decision, reason: str) -> dict[str, str]:
    """What a review keeps of category against result. Raises Contradiction where they need a `reason` and have none.

    A reason that nothing calls for is dropped: the reader has resolved what they were asked about.
    """
    if analysis is None:
        return {"agreement": "", "contradiction_reason": ""}
    found = between(analysis, category)
    contradicts, said = (decision, found) in _CONTRADICTIONS, reason.strip()
    if contradicts and not said:
        raise Contradiction(decision, found, category)
    return {"agreement": found.value, "contradiction_reason": said if contradicts else ""}


def _zone(predictions: Sequence[Prediction], ensemble: EnsemblePrediction | None) -> str:
    """Of the result as a whole; where nothing combined it, the side on which all classifiers stand."""
    if known := marks.zone(predictions, ensemble):
        return known
    sides = {prediction.at_or_above_threshold for prediction in predictions}
    if len(sides) != 1:
        return Zone.INDETERMINATE
    return Zone.POSITIVE if sides.pop() else Zone.NEGATIVE


def _likeliest(predictions: Sequence[Prediction], ensemble: EnsemblePrediction | None) -> str:
    """The most probable class; empty where classifiers that were not combined name different ones."""
    labels = {ensemble.label} if ensemble else {prediction.label for prediction in predictions}
    return labels.pop() if len(labels) == 1 else ""


def _other_findings(predictions: Sequence[Prediction], ensemble: EnsemblePrediction | None) -> list[str]:
    """Classes other than the pattern that the thresholds of the result are for."""
    points = [ensemble.operating_point] if ensemble else [one.operating_point for one in predictions]
    return sorted({point["positive_label"] for point in points} & OTHERS)
