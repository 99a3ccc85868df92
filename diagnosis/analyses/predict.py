"""What the gate, the classifiers and their ensemble predict for one image. Reads and writes no row."""

from __future__ import annotations

from dataclasses import dataclass

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
