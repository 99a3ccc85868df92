"""How near a network that could serve comes to the one that was trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.preprocessing import Pixels
from ml.probability import softmax
from ml.serving.attention import evidence
from ml.serving.bundle import NETWORK, WEIGHTS
from ml.serving.engine import Network
from ml.spec import Precision
from ml.training.metrics import area_under_curve

EXACT_TOLERANCE, FAST_TOLERANCE = 1e-4, 2e-2
LARGEST_LOSS, LEAST_LIKENESS = 0.005, 0.9
LARGEST_FILE = 25_000_000


@dataclass(frozen=True)
class Trial:
    """What a network in one precision was measured to do, against Keras in float32 on the same images.

    `difference` the largest of any probability; `likeness` the correlation of an image's evidence for its likeliest
    label that 19 of 20 images reach; `auc_lost` the most that the AUC of any label fell, None where no labels were
    given; `bytes` of the larger file; `refused` the reason why it does not ship.
    """

    precision: Precision
    difference: float
    likeness: float
    auc_lost: float | None
    bytes: int
    refused: str | None


@dataclass(frozen=True)
class Agreement:
    """Largest difference of any probability from Keras, in float32 (`exact`) and as shipped (`fast`), over `images`.

    `quantisation` holds every precision that was tried; the last is the one that ships, `precision`.
    """

    exact: float
    fast: float
    images: int
    precision: Precision
    quantisation: tuple[Trial, ...]


@dataclass(frozen=True)
class Said:
    """Answers about n images: `probabilities` float64 (n, classes), `maps` float32 (n, h', w', classes)."""

    probabilities: NDArray[np.float64]
    maps: Pixels

    @classmethod
    def by(cls, network: Network, samples: Pixels) -> "Said":
        """What a network says about `samples` float32 (n, h, w, 1)."""
        logits, maps = zip(*(network.infer(values) for values in samples), strict=True)
        return cls(softmax(np.stack(logits)), np.stack(maps))

    def difference(self, expected: NDArray[np.float64]) -> float:
        """The largest difference of any probability."""
        return float(np.abs(self.probabilities - expected).max())

    def likeness(self, true: "Said") -> float:
        """The correlation of the evidence for each image's likeliest label that 19 of 20 images reach."""
        triples = zip(self.maps, true.maps, true.probabilities.argmax(axis=1), strict=True)
        found = [_correlation(evidence(one, label), evidence(other, label)) for one, other, label in triples]
        return float(np.quantile(found, 0.05))

    def auc_lost(self, expected: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
        """The most that the AUC of any label is below that of `expected`; NaN where a label has no image."""
        before, after = (_areas(each, labels) for each in (expected, self.probabilities))
        return float(np.max(before - after))


def judge(precision: Precision, folder: Path, said: Said, true: Said, labels: NDArray[np.int64] | None) -> Trial:
    """Measure what the network in `folder` said against the truth, and say whether it may ship."""
    measured: dict[str, Any] = {
        "difference": said.difference(true.probabilities),
        "likeness": said.likeness(true),
        "auc_lost": None if labels is None else said.auc_lost(true.probabilities, labels),
        "bytes": max((folder / name).stat().st_size for name in (NETWORK, WEIGHTS)),
    }
    return Trial(precision, **measured, refused=_refusal(measured))


def _refusal(measured: Mapping[str, Any]) -> str | None:
    """Written so that what could not be measured (NaN) is refused."""
    if not measured["bytes"] < LARGEST_FILE:
        return f"A file of {measured['bytes'] / 1e6:.1f} MB is too large."
    if not measured["difference"] <= FAST_TOLERANCE:
        return f"A probability differs from Keras by {measured['difference']:.1e}."
    if not measured["likeness"] >= LEAST_LIKENESS:
        return f"The evidence lies elsewhere (correlation {measured['likeness']:.2f})."
    if measured["auc_lost"] is not None and not measured["auc_lost"] < LARGEST_LOSS:
        return f"The AUC of a label falls by {measured['auc_lost']:.4f}."
    return None


def _areas(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The AUC of each label against the rest."""
    return np.array([area_under_curve(labels == label, scores) for label, scores in enumerate(probabilities.T)])


def _correlation(one: Pixels, other: Pixels) -> float:
    """1 when both maps are even, 0 when only one is."""
    if one.std() == 0 or other.std() == 0:
        return float(one.std() == other.std())
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
