"""The newest ensemble of a modality, ready to be asked about images as it serves them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ml.ensemble import EnsembleSpec, ensembles
from ml.preprocessing import Pixels
from ml.spec import Modality

if TYPE_CHECKING:
    from ml.serving import Classifier


@dataclass(frozen=True)
class Ensemble:
    """A spec with its members loaded."""

    spec: EnsembleSpec
    members: tuple["Classifier", ...]

    @classmethod
    def load(cls, root: Path, modality: Modality) -> Self:
        """Raises ValueError where there is none, and BundleRefused where a member cannot serve."""
        from ml.serving import load

        spec = newest(root, modality)
        return cls(spec, tuple(each for each in load(root, modality) if each.spec.identity in spec.members))

    def ask(self, pixels: Pixels) -> list[float]:
        """The probability of each label of the ensemble for one image, float32 (h, w) in [0, 1]."""
        from ml.serving import prepare_once

        prepared = prepare_once(self.members, pixels)
        answers = {
            each.spec.identity: each.answer_batch([prepared[each.input]])[0].probabilities for each in self.members
        }
        combined = self.spec.combine(answers)
        return [combined[label] for label in self.spec.labels]


def newest(root: Path, modality: Modality) -> EnsembleSpec:
    """The spec of the newest ensemble of a modality. Raises ValueError where there is none."""
    for spec in ensembles(root):
        if spec.modality is modality:
            return spec
    raise ValueError(f"{root} holds no ensemble for {modality.value}.")
