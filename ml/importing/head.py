"""What follows the last feature map, taken apart so that every place gets its exact share of the answer.

A head of flattening or average pooling, dense layers and ReLU is linear in its features once it is known which units
of its hidden layers are on. Each place's share is carried through the head beside the sum of all, with the same units
on; the shares add up to the logits, less a constant. Without a hidden layer this is the class activation map.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.importing.refusal import ImportRefused
from ml.importing.statements import Ending, Labels

Array = NDArray[np.float32]
KNOWN = "An import knows flattening or global average pooling, then Dense, Dropout, BatchNormalization and ReLU."


class Activation(StrEnum):
    """What may follow a dense layer, beside the ending."""

    LINEAR = "linear"
    RELU = "relu"


@dataclass(frozen=True)
class Stage:
    """An affine map, float32: `kernel` (..., outputs) and `bias` (outputs,)."""

    kernel: Array
    bias: Array


@dataclass(frozen=True)
class Head:
    """`features` is the feature map (batch, h, w, c) in the graph of its format; a ReLU stands between two `stages`.

    The first stage takes the mean over places: its kernel is (c, units) where all places share it, as after global
    average pooling, or (h, w, c, units) where each has its own, as after flattening. The last one gives logits;
    `ending` makes probabilities of them, in the file or where it is used.
    """

    features: Any
    stages: tuple[Stage, ...]
    ending: Ending

    @property
    def outputs(self) -> int:
        """How many numbers the network answers with."""
        return len(self.stages[-1].bias)

    def as_served(self, labels: Labels) -> "Head":
        """The head that gives the logits of the served labels.

        The softmax of logits 0 and z is the sigmoid of z: a sigmoid becomes two labels without any loss.
        """
        last = self.stages[-1]
        served = Stage(self._reordered(last.kernel, labels), self._reordered(last.bias, labels))
        return replace(self, stages=(*self.stages[:-1], served))

    def _reordered(self, last: Array, labels: Labels) -> Array:
        both = last if self.ending is Ending.SOFTMAX else np.concatenate([np.zeros_like(last), last], axis=-1)
        return both[..., labels.order]


def spread(kernel: Array, pool: tuple[int, int], places: tuple[int, int]) -> Array:
    """Turn a kernel (h', w', c, units) on the averages of blocks into one (h, w, c, units) on the mean over places."""
    even = np.repeat(np.repeat(kernel, pool[0], axis=0), pool[1], axis=1) / (pool[0] * pool[1])
    height, width = places
    edges = [(0, height - even.shape[0]), (0, width - even.shape[1]), (0, 0), (0, 0)]
    return np.asarray(np.pad(even, edges) * (height * width), dtype=np.float32)


def one_place() -> ImportRefused:
    """Why a head without a map is refused: an empty map would claim that nothing spoke for the answer."""
    return ImportRefused(f"The head sees the whole image as one place, so there is no map of where it looked. {KNOWN}")


class HeadReader:
    """Reads layers after flat features of `width` numbers into stages; what scales them joins the dense layer beside.

    `ending` is the activation that the network was seen to end with, None before it.
    """

    def __init__(self, width: int) -> None:
        self.ending: Ending | None = None
        self._done: list[Stage] = []
        self._stage: Stage | None = None
        self._scale, self._shift = _unscaled(width)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All that was read. Raises ImportRefused where it does not end with a dense layer."""
        if self._stage is None:
            raise ImportRefused(f"The network does not end with a dense layer. {KNOWN}")
        return (*self._done, self._stage)

    @property
    def width(self) -> int:
        """How many numbers the last layer that was read gives."""
        return len(self._scale if self._stage is None else self._stage.bias)

    def require_open(self, name: str) -> None:
        """Raises ImportRefused where layer `name` comes after the end."""
        if self.ending is not None:
            raise ImportRefused(f"Layer {name} comes after the {self.ending} of the network. {KNOWN}")

    def multiply(self, kernel: Array, bias: Array) -> None:
        """A dense layer: `kernel` (inputs, units), `bias` (units,)."""
        if self._stage is None:
            self._stage = Stage(kernel * self._scale[:, np.newaxis], self._shift @ kernel + bias)
        else:
            self._stage = Stage(self._stage.kernel @ kernel, self._stage.bias @ kernel + bias)

    def scale(self, scale: Array | float, shift: Array | float) -> None:
        """Each number times its `scale` plus its `shift`."""
        if self._stage is None:
            self._scale, self._shift = self._scale * scale, self._shift * scale + shift
        else:
            self._stage = Stage(self._stage.kernel * scale, self._stage.bias * scale + shift)

    def activate(self, activation: str, name: str) -> None:
        """An activation at layer `name`. Raises ImportRefused for one that allows no exact map."""
        if activation in tuple(Ending):
            self.ending = Ending(activation)
        elif activation == Activation.RELU and self._stage is not None:
            self._done.append(self._stage)
            self._scale, self._shift = _unscaled(self.width)
            self._stage = None
        elif activation != Activation.LINEAR:
            raise ImportRefused(f"The head has a {activation} at {name} that allows no exact map. {KNOWN}")


def _unscaled(width: int) -> tuple[Array, Array]:
    return np.ones(width, np.float32), np.zeros(width, np.float32)
