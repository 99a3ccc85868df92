"""A trained classifier, ready to read images."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from ml.pooling import weigh_places
from ml.preprocessing import Pixels, Prepared, Size, prepare, reduce, require_pixels
from ml.probability import softmax
from ml.serving.attention import attention_map
from ml.serving.bundle import Bundle
from ml.serving.engine import Network
from ml.serving.lungs import crop
from ml.serving.prediction import Answer, Prediction
from ml.spec import ClassifierSpec

# The size (h, w) and the recipe in which a classifier reads an image
Input = tuple[Size, str]


class Classifier:
    """Classifies images. Safe to share between threads; must not be carried across a fork."""

    def __init__(self, spec: ClassifierSpec, network: Network) -> None:
        self.spec = spec
        self._network = network

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "Classifier":
        """Check and compile a bundle, and what prepares its images. Raises BundleRefused."""
        crop.make_ready(bundle.spec.preprocessing)
        return cls(bundle.spec, Network(*bundle.verified_weights()))

    @property
    def input(self) -> Input:
        """The size and the recipe in which it reads an image; classifiers that agree in both share its preparation."""
        return self.spec.input_size, self.spec.preprocessing

    def predict(self, pixels: Pixels) -> Prediction:
        """Classify one image, float32 (h, w) in [0, 1], 0 is air. Raises ValueError for other pixels."""
        (said,) = predict_all((self,), pixels)
        return said

    def seen(self, pixels: Pixels) -> Pixels:
        """The very picture that the network gets of an image, float32 (h, w) in [0, 1]; see `predict`."""
        require_pixels(pixels, "A classifier")
        return _shown(crop.prepare(pixels, *self.input).values)

    def predict_prepared(self, prepared: Prepared, frame: Size) -> Prediction:
        """Classify an image of shape `frame`, (h, w), that was prepared as the spec says."""
        said, maps = self.answer(prepared)
        return self.draw(said, maps, prepared, frame)

    def answer(self, prepared: Prepared) -> tuple[Answer, Pixels]:
        """Classify an image that was prepared as the spec says; with float32 (h', w', classes), which `draw` takes."""
        began = time.perf_counter()
        logits, maps = weigh_places(*self._network.infer(prepared.values), prepared.view)
        return self._answer(logits, (time.perf_counter() - began) * 1000.0), maps

    def draw(self, said: Answer, maps: Pixels, prepared: Prepared, frame: Size) -> Prediction:
        """Where it looked at an image of shape `frame`, (h, w), to what it answered with these `maps`."""
        began = time.perf_counter()
        shown = self.spec.operating_point.positive_label if said.positive else said.label
        attention = attention_map(maps, self.spec.labels.index(shown), prepared.region, frame)
        elapsed = said.milliseconds + (time.perf_counter() - began) * 1000.0
        seen = _shown(prepared.values)
        return Prediction(said.probabilities, said.label, said.positive, attention, shown, seen, elapsed)

    def answer_batch(self, prepared: Sequence[Prepared]) -> list[Answer]:
        """Classify images that were prepared as the spec says, in their order, without maps."""
        began = time.perf_counter()
        said = zip(*self._network.infer_batch(np.stack([image.values for image in prepared])), prepared, strict=True)
        logits = [weigh_places(one, maps, image.view)[0] for one, maps, image in said]
        elapsed = (time.perf_counter() - began) * 1000.0 / len(prepared)
        return [self._answer(one, elapsed) for one in logits]

    def ready_batches(self) -> None:
        """Compile for batches now and not when the first one comes."""
        self._network.ready_batches()

    def _answer(self, logits: NDArray[np.float32], elapsed: float) -> Answer:
        point = self.spec.operating_point
        probabilities = dict(zip(self.spec.labels, softmax(logits, self.spec.temperature).tolist(), strict=True))
        label = max(probabilities, key=probabilities.__getitem__)
        return Answer(probabilities, label, probabilities[point.positive_label] >= point.threshold, elapsed)


def predict_all(classifiers: Iterable[Classifier], pixels: Pixels) -> tuple[Prediction, ...]:
    """Ask several classifiers about one image, float32 (h, w) in [0, 1], 0 is air; their answers, in their order.

    The image is prepared once for all that read it in the same size by the same recipe. Raises ValueError for other
    pixels.
    """
    asked = tuple(classifiers)
    prepared = prepare_once(asked, pixels)
    return tuple(each.predict_prepared(prepared[each.input], pixels.shape) for each in asked)


def prepare_once(classifiers: Iterable[Classifier], pixels: Pixels) -> dict[Input, Prepared]:
    """One image, float32 (h, w) in [0, 1], prepared for each size and recipe that these classifiers read.

    What it holds is small, whatever the size of the image. Raises ValueError for other pixels.
    """
    require_pixels(pixels, "A classifier")
    reduced = cache(partial(reduce, pixels))
    view = cache(lambda recipe: crop.find_view(reduced(recipe), recipe))
    inputs = dict.fromkeys(each.input for each in classifiers)
    return {(size, recipe): prepare(reduced(recipe), size, recipe, view(recipe)) for size, recipe in inputs}


def predict_prepared(
    classifiers: Iterable[Classifier], prepared: Sequence[Mapping[Input, Prepared]]
) -> list[tuple[Answer, ...]]:
    """Ask several classifiers about many images, each as `prepare_once` left it: their answers, in their order."""
    if not prepared:
        return []
    answers = (each.answer_batch([image[each.input] for image in prepared]) for each in classifiers)
    return list(zip(*answers, strict=True))


def _shown(values: Pixels) -> Pixels:
    """Network input (h, w, 1) as a picture; a recipe that keeps greys has left them in [0, 1]."""
    low, high = float(values.min()), float(values.max())
    grey = values[..., 0]
    return grey if low >= 0.0 and high <= 1.0 else (grey - low) / np.float32(high - low)
