"""A trained classifier, ready to read images."""

import time

import numpy as np

from ml.preprocessing import Pixels, prepare
from ml.probability import softmax
from ml.serving.attention import attention_map
from ml.serving.bundle import Bundle
from ml.serving.classification import Classification
from ml.serving.engine import Network
from ml.spec import ClassifierSpec


class Classifier:
    """Classifies single images. Safe to share between threads; must not be carried across a fork."""

    def __init__(self, spec: ClassifierSpec, network: Network) -> None:
        self.spec = spec
        self._network = network

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "Classifier":
        """Check and compile a bundle. Raises BundleRefused."""
        return cls(bundle.spec, Network(*bundle.verified_weights()))

    def classify(self, pixels: Pixels) -> Classification:
        """Classify one image, float32 (h, w) in [0, 1], 0 is air. Raises ValueError for other pixels."""
        began = time.perf_counter()
        _check(pixels)
        prepared = prepare(pixels, self.spec.input_size, self.spec.preprocessing)
        logits, maps = self._network.infer(prepared.values)
        probabilities = dict(zip(self.spec.labels, softmax(logits, self.spec.temperature).tolist(), strict=True))
        label = max(probabilities, key=probabilities.__getitem__)
        positive = self._is_positive(probabilities)
        shown = self.spec.operating_point.positive_label if positive else label
        attention = attention_map(maps, self.spec.labels.index(shown), prepared.region, pixels.shape)
        elapsed = (time.perf_counter() - began) * 1000.0
        return Classification(probabilities, label, positive, attention, shown, elapsed)

    def _is_positive(self, probabilities: dict[str, float]) -> bool:
        point = self.spec.operating_point
        return probabilities[point.positive_label] >= point.threshold


def _check(pixels: Pixels) -> None:
    """Infinite pixels would give a probability that is not one."""
    if pixels.ndim != 2 or pixels.dtype != np.float32 or not np.isfinite(pixels).all():
        raise ValueError("A classifier reads finite float32 pixels of shape (height, width).")
