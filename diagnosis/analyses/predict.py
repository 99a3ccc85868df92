"""What the gate, the classifiers and the panel of a modality say of one image. Reads and writes no row."""

from __future__ import annotations

from dataclasses import dataclass

from diagnosis.analyses import classifiers
from diagnosis.errors import AnalysisFailed
from diagnosis.models.scan import Modality
from ml import lungs, serving
from ml.ensemble import EnsembleSpec
from ml.preprocessing import Pixels
from ml.serving.attention import share_outside
from ml.spec import ClassifierSpec
from ml.spec import Modality as MlModality


@dataclass(frozen=True, eq=False)
class Answer:
    """One classifier's; `outside` is the share of its attention outside the lungs, None where none were found."""

    spec: ClassifierSpec
    said: serving.Prediction
    outside: float | None


@dataclass(frozen=True, eq=False)
class Combined:
    """A panel's probability of each label, summing to 1."""

    panel: EnsembleSpec
    probabilities: dict[str, float]


@dataclass(frozen=True, eq=False)
class Answers:
    """Of all active classifiers; `combined` is None where no panel may speak for them, and `hindrance` says why."""

    each: tuple[Answer, ...]
    combined: Combined | None
    hindrance: str


def answer(pixels: Pixels, modality: Modality) -> Answers:
    """Ask the gate, then every active classifier, then the panel. `pixels` float32 (h, w) in [0, 1], 0 is air.

    Raises AnalysisFailed when the gate refuses the image, with its code and sentence, or no classifier is active.
    """
    active = classifiers.loaded(modality)
    _pass_gate(pixels, modality)
    said = serving.predict_all(active, pixels)
    # All maps of one image have one shape
    inside = lungs.lung_mask(pixels, MlModality(modality.value), said[0].attention.shape)
    each = tuple(Answer(asked.spec, one, _outside(one, inside)) for asked, one in zip(active, said, strict=True))
    found, hindrance = classifiers.panel_for(one.spec for one in each)
    return Answers(each, _combine(found, each) if found else None, hindrance)


def _pass_gate(pixels: Pixels, modality: Modality) -> None:
    refusal = classifiers.gate().refusal(pixels, MlModality(modality.value))
    if refusal:
        raise AnalysisFailed(refusal.code, refusal.sentence, retryable=False)


def _outside(said: serving.Prediction, inside: lungs.Mask | None) -> float | None:
    return None if inside is None else share_outside(said.attention, inside)


def _combine(found: EnsembleSpec, each: tuple[Answer, ...]) -> Combined:
    return Combined(found, found.combine({one.spec.identity: one.said.probabilities for one in each}))
