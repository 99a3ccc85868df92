"""What the gate, the classifiers and their ensemble predict for the images of a study. Reads and writes no row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any
from uuid import UUID

from diagnosis.analyses import classifiers
from diagnosis.errors import AnalysisFailed
from diagnosis.messages import Message
from diagnosis.models.scan import Modality
from ml import lungs, serving
from ml.ensemble import EnsembleSpec
from ml.preprocessing import Pixels
from ml.serving.attention import share_outside
from ml.spec import ClassifierSpec
from ml.spec import Modality as MlModality
from ml.study.inference import ImageAnswers, Panel


@dataclass(frozen=True, eq=False)
class ClassifierPrediction:
    """What one classifier predicts.

    `attention_outside` is the share of its attention outside the lungs; None where none were found.
    """

    spec: ClassifierSpec
    prediction: serving.Prediction
    attention_outside: float | None


@dataclass(frozen=True, eq=False)
class CombinedPrediction:
    """An ensemble's probability of each label, summing to 1."""

    ensemble: EnsembleSpec
    probabilities: dict[str, float]


@dataclass(frozen=True, eq=False)
class ImagePredictions:
    """Of all active classifiers. `without_ensemble` says why `combined` is None, where there is something to say."""

    each: tuple[ClassifierPrediction, ...]
    combined: CombinedPrediction | None
    without_ensemble: tuple[Message, ...]


@dataclass(frozen=True)
class ImageOutcome:
    """What one image contributes: `probabilities` of the class looked out for by classifier, and of the combination,
    else their mean, all 0 to 1; or, where it gets none, why.
    """

    image: UUID
    probabilities: Mapping[str, float] = field(default_factory=dict)
    probability: float | None = None
    zone: str = ""
    above: int = 0
    refused: Message | None = None


@dataclass(frozen=True, eq=False)
class StudyPredictions:
    """Of a whole study: `predictions` with the maps of its key image, and what each image contributed."""

    key_image: UUID
    predictions: ImagePredictions
    images: tuple[ImageOutcome, ...]
    aggregation: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_one(cls, image: UUID, predictions: ImagePredictions) -> StudyPredictions:
        """Of a study with one image, which decides alone."""
        return cls(image, predictions, (outcome(image, predictions),), {"method": "single_image"})


# The key of an image, and what decodes its pixels: float32 (h, w) in [0, 1], 0 is air; raises AnalysisFailed.
Source = tuple[UUID, Callable[[], Pixels]]


def predict_study(images: Sequence[Source], modality: Modality) -> StudyPredictions:
    """Ask about each image; the one with the highest probability is the key image and decides for the study.

    An image that the gate or the decoder refuses counts for nothing. Raises AnalysisFailed where that is true of all of
    them, with the first one's reason, and where the refusal may pass.
    """
    if len(images) == 1:
        ((key, pixels),) = images
        return StudyPredictions.of_one(key, predict(pixels(), modality))
    outcomes = list(_ask_all(images, modality))
    answered = [one for one in outcomes if one.probability is not None]
    if not answered:
        raise _all_refused(outcomes)
    key = max(answered, key=lambda one: one.probability or 0.0).image
    return StudyPredictions(key, predict(dict(images)[key](), modality), tuple(outcomes), {"method": "highest_image"})


def _ask_all(images: Sequence[Source], modality: Modality) -> Iterator[ImageOutcome]:
    """In batches, without maps; in the order of `images`, those that cannot be decoded first."""
    active = classifiers.loaded(modality)
    panel = Panel(classifiers.gate_for(modality), active, MlModality(modality.value))
    specs = [one.spec for one in active]
    found, _without = classifiers.ensemble_for(specs)
    undecoded: list[ImageOutcome] = []
    answers = panel.answer(_decoded(images, undecoded))
    outcomes = [_outcome_of(image, answer, specs, found) for image, answer in answers]
    yield from undecoded
    yield from outcomes


def _decoded(images: Sequence[Source], undecoded: list[ImageOutcome]) -> Iterator[tuple[UUID, Pixels]]:
    for image, pixels in images:
        try:
            yield image, pixels()
        except AnalysisFailed as refused:
            if refused.retryable:
                raise
            undecoded.append(ImageOutcome(image, refused=refused.stored))


def _outcome_of(
    image: UUID, answers: ImageAnswers, specs: Sequence[ClassifierSpec], found: EnsembleSpec | None
) -> ImageOutcome:
    if refusal := answers.refusal:
        return ImageOutcome(image, refused=Message(refusal.code, refusal.params))
    of_each = {spec.identity: one.probabilities for spec, one in zip(specs, answers.answers, strict=True)}
    each = {spec.identity: of_each[spec.identity][spec.operating_point.positive_label] for spec in specs}
    above = sum(each[spec.identity] >= spec.operating_point.threshold for spec in specs)
    if found is None:
        return ImageOutcome(image, each, fmean(each.values()), above=above)
    point = found.operating_point
    probability = found.combine({member: of_each[member] for member in found.members})[point.positive_label]
    return ImageOutcome(image, each, probability, point.zone(probability).value, above)


def _all_refused(outcomes: Sequence[ImageOutcome]) -> AnalysisFailed:
    for one in outcomes:
        if one.refused:
            return AnalysisFailed(one.refused.code, one.refused.params, retryable=False)
    return AnalysisFailed("nothing_to_classify", retryable=False)


def outcome(image: UUID, made: ImagePredictions) -> ImageOutcome:
    """What `made` contributes to its study."""
    each = {
        one.spec.identity: one.prediction.probabilities[one.spec.operating_point.positive_label] for one in made.each
    }
    above = sum(one.prediction.positive for one in made.each)
    if not made.combined:
        return ImageOutcome(image, each, fmean(each.values()), above=above)
    point = made.combined.ensemble.operating_point
    probability = made.combined.probabilities[point.positive_label]
    return ImageOutcome(image, each, probability, point.zone(probability).value, above)


def predict(pixels: Pixels, modality: Modality) -> ImagePredictions:
    """Ask the gate, then every active classifier, then the ensemble. `pixels` float32 (h, w) in [0, 1], 0 is air.

    Raises AnalysisFailed when the gate refuses the image, with its code and parameters, or no classifier is active.
    """
    active = classifiers.loaded(modality)
    _pass_gate(pixels, modality)
    predictions = serving.predict_all(active, pixels)
    # All maps of one image have one shape
    inside = lungs.lung_mask(pixels, MlModality(modality.value), predictions[0].attention.shape)
    each = tuple(
        ClassifierPrediction(classifier.spec, prediction, _attention_outside(prediction, inside))
        for classifier, prediction in zip(active, predictions, strict=True)
    )
    found, without = classifiers.ensemble_for(one.spec for one in each)
    return ImagePredictions(each, _combine(found, each) if found else None, without)


def _pass_gate(pixels: Pixels, modality: Modality) -> None:
    refusal = classifiers.gate_for(modality).refusal(pixels, MlModality(modality.value))
    if refusal:
        raise AnalysisFailed(refusal.code, refusal.params, retryable=False)


def _attention_outside(prediction: serving.Prediction, inside: lungs.Mask | None) -> float | None:
    return None if inside is None else share_outside(prediction.attention, inside)


def _combine(found: EnsembleSpec, each: tuple[ClassifierPrediction, ...]) -> CombinedPrediction:
    """Of the ensemble's own members; other classifiers are shown beside it and change nothing in it."""
    members = [one for one in each if one.spec.identity in found.members]
    return CombinedPrediction(
        found, found.combine({one.spec.identity: one.prediction.probabilities for one in members})
    )
