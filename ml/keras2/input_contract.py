"""What a person must say about a legacy network because its file cannot: inputs, outputs and where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ml.keras2.head import Ending, Head
from ml.keras2.network import Rebuilt
from ml.keras2.refusal import ImportRefused
from ml.preprocessing import Pixels
from ml.spec import NAME

LONGEST_LABEL = 30


class Resampling(StrEnum):
    """How images were brought to the network's size in training."""

    LINEAR = "linear"
    NEAREST = "nearest"

    @property
    def recipe(self) -> str:
        """The recipe of ml.preprocessing."""
        return f"plain-{self.value}-1"


@dataclass(frozen=True)
class Scaling:
    """Grey in [0, 1] times `gain` plus `offset`, for each colour channel in the order of the network."""

    gain: tuple[float, float, float]
    offset: tuple[float, float, float]

    def apply(self, grey: Pixels, channels: int) -> Pixels:
        """Grey float32 (n, h, w, 1) as float32 (n, h, w, channels)."""
        gain, offset = (np.array(part[:channels], dtype=np.float32) for part in (self.gain, self.offset))
        return np.asarray(grey * gain + offset, dtype=np.float32)


# The three of keras.applications as in its imagenet_utils; caffe is blue first and not scaled.
SCALINGS = {
    "unit": Scaling((1.0,) * 3, (0.0,) * 3),
    "byte": Scaling((255.0,) * 3, (0.0,) * 3),
    "tf": Scaling((2.0,) * 3, (-1.0,) * 3),
    "torch": Scaling((1 / 0.229, 1 / 0.224, 1 / 0.225), (-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225)),
    "caffe": Scaling((255.0,) * 3, (-103.939, -116.779, -123.68)),
}
GREY_SCALINGS = ("unit", "byte", "tf")


@dataclass(frozen=True)
class Labels:
    """What the outputs mean. `stored` in the order of the file; `served` is that with the positive label first."""

    stored: tuple[str, ...]
    positive: str

    @property
    def served(self) -> tuple[str, ...]:
        return (self.positive, *(label for label in self.stored if label != self.positive))

    @property
    def order(self) -> list[int]:
        """For each served label, its place in the file."""
        return [self.stored.index(label) for label in self.served]


def read_labels(head: Head, labels: Sequence[str], positive: str, one_means: str | None) -> Labels:
    """Join what a person said with what the network has. Raises ImportRefused when they contradict each other."""
    _require_names(labels)
    _require(positive in labels, f"--positive {positive} is none of the labels {', '.join(labels)}.")
    outputs = len(head.stages[-1].bias)
    if head.ending is Ending.SOFTMAX:
        _require(one_means is None, "--one-means is for a sigmoid; this network ends with a softmax.")
        _require(outputs == len(labels) >= 2, f"The network has {outputs} outputs, but there are {len(labels)} labels.")
        return Labels(tuple(labels), positive)
    _require(
        outputs == 1, f"The network has {outputs} independent sigmoids, whose answers are no classes of one image."
    )
    _require(len(labels) == 2, f"The network has one sigmoid, which tells two labels apart, not {len(labels)}.")
    _require(one_means in labels, "Say with --one-means which of the two labels the 1 of the sigmoid stands for.")
    return Labels(tuple(sorted(labels, key=lambda label: label == one_means)), positive)


def stored_probabilities(head: Head, answers: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the file's network answers, as probabilities (n, classes) in the order of the file."""
    if head.ending is Ending.SOFTMAX:
        return np.asarray(answers, dtype=np.float64)
    return np.concatenate([1.0 - answers, answers], axis=1, dtype=np.float64)


def serving_model(network: Rebuilt, head: Head, labels: Labels, scaling: Scaling) -> keras.Model:
    """The network as it is served: grey float32 (batch, h, w, 1) in [0, 1] in, logits and maps of served labels out.

    The softmax of logits 0 and z is the sigmoid of z: a sigmoid becomes two labels without any loss.
    """
    grey = keras.Input((*network.size, 1), name="pixels")
    colours = layers.Concatenate(name="channels")([grey] * 3) if network.channels == 3 else grey
    gain, offset = (list(part[: network.channels]) for part in (scaling.gain, scaling.offset))
    scaled = layers.Rescaling(gain, offset, name="range")(colours)
    features = keras.Model(network.model.input, head.features, name="backbone")(scaled)
    return keras.Model(grey, _as_served(head, labels).outputs(features))


def _as_served(head: Head, labels: Labels) -> Head:
    def change(last: NDArray[np.float32]) -> NDArray[np.float32]:
        both = last if head.ending is Ending.SOFTMAX else np.concatenate([np.zeros_like(last), last], axis=-1)
        return both[..., labels.order]

    return head.with_logits(change)


def find_scaling(name: str, network: Rebuilt) -> Scaling:
    """The scaling of that name. Raises ImportRefused where it needs colours that the network does not take."""
    _require(
        network.channels == 3 or name in GREY_SCALINGS,
        f"The scaling {name} is for three channels, and this network takes one.",
    )
    return SCALINGS[name]


def _require_names(labels: Sequence[str]) -> None:
    for label in labels:
        _require(
            bool(NAME.fullmatch(label)) and len(label) <= LONGEST_LABEL,
            f"{label!r} is no label: use small letters, digits and hyphens, at most {LONGEST_LABEL}.",
        )
    _require(len(set(labels)) == len(labels), "A label stands twice among the labels.")


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ImportRefused(sentence)
