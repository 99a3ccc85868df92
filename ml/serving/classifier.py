"""A trained classifier, ready to read images."""

import time
from collections.abc import Iterable
from functools import cache, partial

import numpy as np

from ml.preprocessing import Pixels, Prepared, Size, find_region, prepare, require_pixels
from ml.probability import softmax
from ml.serving.attention import attention_map
from ml.serving.bundle import Bundle
from ml.serving.engine import Network
from ml.serving.prediction import Prediction
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

    def predict(self, pixels: Pixels) -> Prediction:
        """Classify one image, float32 (h, w) in [0, 1], 0 is air. Raises ValueError for other pixels."""
        (said,) = predict_all((self,), pixels)
        return said

    def seen(self, pixels: Pixels) -> Pixels:
        """The very picture that the network gets of an image, float32 (h, w) in [0, 1]; see `predict`."""
        require_pixels(pixels, "A classifier")
        return _shown(prepare(pixels, self.spec.input_size, self.spec.preprocessing).values)

    def predict_prepared(self, prepared: Prepared, frame: Size) -> Prediction:
        """Classify an image of shape `frame`, (h, w), that was prepared as the spec says."""
        began = time.perf_counter()
        logits, maps = self._network.infer(prepared.values)
        probabilities = dict(zip(self.spec.labels, softmax(logits, self.spec.temperature).tolist(), strict=True))
        label = max(probabilities, key=probabilities.__getitem__)
        positive = self._is_positive(probabilities)
        shown = self.spec.operating_point.positive_label if positive else label
        attention = attention_map(maps, self.spec.labels.index(shown), prepared.region, frame)
        elapsed = (time.perf_counter() - began) * 1000.0
        return Prediction(probabilities, label, positive, attention, shown, _shown(prepared.values), elapsed)

    def _is_positive(self, probabilities: dict[str, float]) -> bool:
        point = self.spec.operating_point
        return probabilities[point.positive_label] >= point.threshold


def predict_all(classifiers: Iterable[Classifier], pixels: Pixels) -> tuple[Prediction, ...]:
    """Ask several classifiers about one image, float32 (h, w) in [0, 1], 0 is air; their answers, in their order.

    The image is prepared once for all that read it in the same size by the same recipe. Raises ValueError for other
    pixels.
    """
    require_pixels(pixels, "A classifier")
    region = cache(partial(find_region, pixels))

    @cache
    def prepared(size: Size, recipe: str) -> Prepared:
        return prepare(pixels, size, recipe, region(recipe))

    return tuple(
        each.predict_prepared(prepared(each.spec.input_size, each.spec.preprocessing), pixels.shape)
        for each in classifiers
    )


def _shown(values: Pixels) -> Pixels:
    """Network input (h, w, 1) as a picture; a recipe that keeps greys has left them in [0, 1]."""
    low, high = float(values.min()), float(values.max())
    grey = values[..., 0]
    return grey if low >= 0.0 and high <= 1.0 else (grey - low) / np.float32(high - low)
