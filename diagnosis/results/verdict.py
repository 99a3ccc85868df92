"""What a result says, in careful words: one place for every page. Never the name of a disease that somebody has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext, gettext_noop, ngettext

from diagnosis.formats import percent
from diagnosis.models import Analysis, EnsemblePrediction, Prediction
from diagnosis.models.review import Mark
from diagnosis.models.zone import Zone, has_zones, upper_threshold
from diagnosis.results.answers import TONES
from diagnosis.results.labels import label_name
from diagnosis.rules.blinding import RESULT_HIDDEN
from diagnosis.states import AnalysisStatus as S

WAITING = gettext_noop("Waiting for a free worker")
RUNNING = gettext_noop("The classifiers are reading the image")
CANCELLED = gettext_noop("The analysis was cancelled, so there is no result")
# Nothing broke: the image is not one that the classifiers can answer for.
NOT_CLASSIFIED = gettext_noop("Not classified")
NEVER_ASKED = gettext_noop("No analysis was requested, so there is no result")
DISAGREE = gettext_noop("The classifiers disagree: %(above)d of %(count)d above their threshold, %(below)d below")
BETWEEN = gettext_noop("The probability is between the two thresholds")
NOT_UNANIMOUS = gettext_noop("Some above, some below")


@dataclass(frozen=True)
class _ZoneWords:
    """What is said of a zone: in one word, of a finding, and what follows for whoever reads it."""

    word: str
    sentence: str
    explained: str


# The finding is named every time: a bare "negative" is read as "healthy".
_ZONES = {
    Zone.NEGATIVE: _ZoneWords(
        gettext_noop("below"),
        gettext_noop("%(finding)s: below the lower threshold"),
        gettext_noop(
            "The probability of “%(finding)s” is below the lower threshold. That does not rule out a disease."
        ),
    ),
    Zone.INDETERMINATE: _ZoneWords(
        gettext_noop("between"),
        gettext_noop("%(finding)s: between the two thresholds"),
        gettext_noop(
            "The probability of “%(finding)s” is between the two thresholds. "
            "The classifiers do not settle it; a reader has to."
        ),
    ),
    Zone.POSITIVE: _ZoneWords(
        gettext_noop("above"),
        gettext_noop("%(finding)s: at or above the upper threshold"),
        gettext_noop(
            "The probability of “%(finding)s” is at or above the upper threshold. That does not confirm a disease."
        ),
    ),
}
# Of a point without a second threshold; see `upper_threshold`.
_WITHOUT_UPPER = {
    Zone.NEGATIVE: _ZoneWords(
        gettext_noop("below"),
        gettext_noop("%(finding)s: below the threshold"),
        gettext_noop("The probability of “%(finding)s” is below the threshold. That does not rule out a disease."),
    ),
    Zone.INDETERMINATE: _ZoneWords(
        gettext_noop("above"),
        gettext_noop("%(finding)s: at or above the threshold"),
        gettext_noop(
            "The probability of “%(finding)s” is at or above the threshold. There is no second one, so the classifiers "
            "do not settle it; a reader has to."
        ),
    ),
    Zone.POSITIVE: _ZoneWords(
        gettext_noop("above"),
        gettext_noop("%(finding)s: at or above the threshold"),
        gettext_noop("The probability of “%(finding)s” is at or above the threshold. That does not confirm a disease."),
    ),
}
_CHIPS = {
    Mark.DISAGREEMENT: gettext_noop("classifiers disagree"),
    Mark.INDETERMINATE: gettext_noop("between the thresholds"),
    Mark.ATTENTION_OUTSIDE: gettext_noop("attention outside the lungs"),
}


@dataclass(frozen=True)
class Verdict:
    """`tone` names colour and icon of a page: queued, running, failed, cancelled, positive, indeterminate, neutral."""

    tone: str
    status: str
    sentence: str
    label: str = ""
    probability: str = ""
    beside: str = ""  # the operating point's class and its probability, where another class is more probable
    word: str = ""  # the status where there is room for one word
    explained: str = ""  # what the status means, and what it does not


def chip(mark: str) -> str:
    """A mark in few words."""
    return gettext(_CHIPS[Mark(mark)])


def of_mark(mark: str, predictions: Sequence[Prediction]) -> str:
    """A mark as a sentence beside the result that it was found in."""
    if mark == Mark.DISAGREEMENT:
        stances = [prediction.stance for prediction in predictions]
        return gettext(DISAGREE) % {
            "above": stances.count(Zone.POSITIVE),
            "count": len(stances),
            "below": stances.count(Zone.NEGATIVE),
        }
    return gettext(BETWEEN)


def word_of_zone(zone: str, point: Mapping[str, Any]) -> str:
    """Where a stored zone lies in one word, whichever question was asked: "below", "between" or "above"."""
    return gettext(_words(zone, point).word)


def _words(zone: str, point: Mapping[str, Any]) -> _ZoneWords:
    return (_ZONES if upper_threshold(point) is not None else _WITHOUT_UPPER)[Zone(zone)]


def of_zone(zone: str, point: Mapping[str, Any]) -> Verdict:
    """The verdict of a stored operating point with two thresholds; without any probability."""
    words = _words(zone, point)
    finding = {"finding": label_name(point["positive_label"])}
    sentence = gettext(words.sentence) % finding
    return Verdict(
        tone=TONES[Zone(zone)],
        status=sentence,
        sentence=sentence,
        word=gettext(words.word),
        explained=gettext(words.explained) % finding,
    )


def of_side(positive: bool, positive_label: str) -> Verdict:
    """The verdict of an operating point with one threshold; without any probability."""
    finding = {"finding": label_name(positive_label)}
    if positive:
        sentence = gettext("%(finding)s: at or above the threshold") % finding
        return Verdict(TONES[Zone.POSITIVE], sentence, sentence, word=gettext("above"))
    sentence = gettext("%(finding)s: below the threshold") % finding
    return Verdict(TONES[Zone.NEGATIVE], sentence, sentence, word=gettext("below"))


def of_prediction(prediction: Prediction) -> Verdict:
    point = prediction.operating_point
    if prediction.zone and has_zones(point):
        found = of_zone(prediction.zone, point)
    else:
        found = of_side(prediction.at_or_above_threshold, point["positive_label"])
    return _with_probability(found, prediction)


def of_ensemble(ensemble: EnsemblePrediction) -> Verdict:
    return _with_probability(of_zone(ensemble.zone, ensemble.operating_point), ensemble)


def of_analysis(analysis: Analysis | None, *, hidden: bool = False) -> Verdict:
    """One line for a whole analysis; uses prefetches of `predictions` and `ensemble_prediction` where there are any.

    `hidden` keeps a result back from somebody who reads first.
    """
    if analysis is None:
        return Verdict("cancelled", gettext("Not analysed"), gettext(NEVER_ASKED))
    status = S(analysis.status)
    if status == S.SUCCEEDED and hidden:
        return Verdict(status.value, str(status.label), gettext(RESULT_HIDDEN))
    if status == S.SUCCEEDED:
        ensemble = analysis.ensemble
        return of_ensemble(ensemble) if ensemble else of_several(list(analysis.predictions.all()))
    sentences = {
        S.QUEUED: gettext(WAITING),
        S.RUNNING: gettext(RUNNING),
        S.FAILED: analysis.failure_reason,
        S.CANCELLED: gettext(CANCELLED),
    }
    if analysis.is_switched_off:
        return Verdict(S.CANCELLED.value, gettext(NOT_CLASSIFIED), sentences[status])
    shown = gettext(NOT_CLASSIFIED) if analysis.is_refused else str(status.label)
    return Verdict(status.value, shown, sentences[status])


def _with_probability(found: Verdict, one: Prediction | EnsemblePrediction) -> Verdict:
    """`found` with the most probable class of a prediction or ensemble, and the operating point's beside it."""
    positive = one.operating_point["positive_label"]
    return replace(
        found,
        label=label_name(one.label),
        probability=percent(one.probabilities[one.label]),
        beside="" if one.label == positive else f"{label_name(positive)} {percent(one.probability)}",
    )


def of_several(predictions: list[Prediction]) -> Verdict:
    """Of classifiers whose answers were not combined."""
    if len(predictions) == 1:
        return of_prediction(predictions[0])
    above = sum(prediction.at_or_above_threshold for prediction in predictions)
    label, probability = _agreed(predictions)
    sentence = _count_above(above, predictions)
    return Verdict(_tone(above, len(predictions)), sentence, sentence, label, probability)


def _count_above(above: int, predictions: Sequence[Prediction]) -> str:
    return ngettext(
        "%(finding)s: %(above)d of %(count)d classifier at or above its threshold",
        "%(finding)s: %(above)d of %(count)d classifiers at or above their thresholds",
        len(predictions),
    ) % {
        "finding": label_name(predictions[0].operating_point["positive_label"]),
        "above": above,
        "count": len(predictions),
    }


def _tone(above: int, total: int) -> str:
    if 0 < above < total:
        return TONES[Zone.INDETERMINATE]
    return TONES[Zone.POSITIVE if above else Zone.NEGATIVE]


def _agreed(predictions: list[Prediction]) -> tuple[str, str]:
    """The most probable class and the range of its probability where all agree; else nothing."""
    labels = {prediction.label for prediction in predictions}
    if len(labels) != 1:
        return "", ""
    label = labels.pop()
    values = sorted(prediction.probabilities[label] for prediction in predictions)
    lowest, highest = percent(values[0]), percent(values[-1])
    span = gettext("%(lowest)s to %(highest)s") % {"lowest": lowest, "highest": highest}
    return label_name(label), lowest if lowest == highest else span
