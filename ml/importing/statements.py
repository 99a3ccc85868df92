"""What a person must say about a network because its file cannot: inputs, outputs and where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ml.importing.refusal import require
from ml.preprocessing import Pixels
from ml.probability import softmax
from ml.spec import NAME, NO_FINDING

LONGEST_LABEL = 30
# An answer in float32 that is a probability may be this far from the sum of 1, or outside [0, 1].
ROUNDING = 1e-4


class Ending(StrEnum):
    """What makes probabilities of the last dense layer's numbers."""

    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"


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


def read_labels(ending: Ending, outputs: int, labels: Sequence[str], positive: str, one_means: str | None) -> Labels:
    """Join what a person said with what the network has. Raises ImportRefused when they contradict each other."""
    _require_names(labels)
    require(positive in labels, f"--positive {positive} is none of the labels {', '.join(labels)}.")
    require(
        positive not in NO_FINDING,
        f"--positive {positive} is the class of images without a finding, and everyone in whom nothing was found would "
        f"count as positive. Give the class that is looked for: {_findings(labels)}.",
    )
    if ending is Ending.SOFTMAX:
        require(one_means is None, "--one-means is for a sigmoid; this network ends with a softmax.")
        require(outputs == len(labels) >= 2, f"The network has {outputs} outputs, but there are {len(labels)} labels.")
        return Labels(tuple(labels), positive)
    require(outputs == 1, f"The network has {outputs} independent sigmoids, whose answers are no classes of one image.")
    require(len(labels) == 2, f"The network has one sigmoid, which tells two labels apart, not {len(labels)}.")
    require(one_means in labels, "Say with --one-means which of the two labels the 1 of the sigmoid stands for.")
    return Labels(tuple(sorted(labels, key=lambda label: label == one_means)), positive)


def stored_probabilities(
    ending: Ending, answers: NDArray[np.float32], *, are_logits: bool = False
) -> NDArray[np.float64]:
    """What the file's network answers, as probabilities (n, classes) in the order of the file.

    `answers` (n, outputs), to which the ending was not yet applied where they `are_logits`. Raises ImportRefused for
    answers that are no probabilities although they should be.
    """
    require(bool(np.isfinite(answers).all()), "The network answers with something that is no finite number.")
    exact = answers.astype(np.float64)
    if are_logits:
        zeros = [] if ending is Ending.SOFTMAX else [np.zeros_like(exact)]
        return softmax(np.concatenate([*zeros, exact], axis=1))
    both = exact if ending is Ending.SOFTMAX else np.concatenate([1.0 - exact, exact], axis=1)
    inside = bool(((both >= -ROUNDING) & (both <= 1 + ROUNDING)).all())
    require(
        inside and bool((np.abs(both.sum(axis=1) - 1) <= ROUNDING).all()),
        f"What the network answers are no probabilities of a {ending}: outside [0, 1], or their sum is not 1.",
    )
    return both


def find_scaling(name: str, channels: int) -> Scaling:
    """The scaling of that name. Raises ImportRefused where it needs colours that the network does not take."""
    require(
        channels == 3 or name in GREY_SCALINGS,
        f"The scaling {name} is for three channels, and this network takes one.",
    )
    return SCALINGS[name]


def _findings(labels: Sequence[str]) -> str:
    return " or ".join(label for label in labels if label not in NO_FINDING)


def _require_names(labels: Sequence[str]) -> None:
    for label in labels:
        require(
            bool(NAME.fullmatch(label)) and len(label) <= LONGEST_LABEL,
            f"{label!r} is no label: use small letters, digits and hyphens, at most {LONGEST_LABEL}.",
        )
    require(len(set(labels)) == len(labels), "A label stands twice among the labels.")
