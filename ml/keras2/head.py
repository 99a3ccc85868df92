"""What follows the last feature map, taken apart so that every place gets its exact share of the answer.

A head of flattening or average pooling, dense layers and ReLU is linear in its features once it is known which units
of its hidden layers are on. Each place's share is carried through the head beside the sum of all, with the same units
on; the shares add up to the logits, less a constant. Without a hidden layer this is the class activation map.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ml.keras2.network import Rebuilt, Step
from ml.keras2.refusal import ImportRefused

Array = NDArray[np.float32]
KNOWN = "An import knows flattening or global average pooling, then Dense, Dropout, BatchNormalization and ReLU."


class Ending(StrEnum):
    """The last activation of a network."""

    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"


@dataclass(frozen=True)
class Stage:
    """An affine map, float32: `kernel` (..., outputs) and `bias` (outputs,)."""

    kernel: Array
    bias: Array


@dataclass(frozen=True)
class Head:
    """`features` is the symbolic feature map (batch, h, w, c); a ReLU stands between two `stages`.

    The first stage takes the mean over places: its kernel is (c, units) where all places share it, as after global
    average pooling, or (h, w, c, units) where each has its own, as after flattening. The last one gives logits.
    """

    features: Any
    stages: tuple[Stage, ...]
    ending: Ending

    def with_logits(self, change: Callable[[Array], Array]) -> "Head":
        """The head with `change` applied to the last axis of what gives its logits."""
        last = self.stages[-1]
        return replace(self, stages=(*self.stages[:-1], Stage(change(last.kernel), change(last.bias))))

    def outputs(self, features: Any) -> dict[str, Any]:
        """Logits (batch, classes) and maps (batch, h, w, classes) of a feature map, as symbolic tensors.

        The mean of a map over its places is the logit of its class, less what the biases contribute.
        """
        first, *later = self.stages
        shares = _shared_out(first)(features)
        sums = layers.GlobalAveragePooling2D(name="sums")(shares) + first.bias
        for stage in later:
            on = keras.ops.cast(sums > 0, "float32")
            shares = _dense(stage, bias=False)(shares * keras.ops.expand_dims(on, (1, 2)))
            sums = _dense(stage, bias=True)(sums * on)
        return {"logits": sums, "maps": shares}


def take_apart(network: Rebuilt) -> Head:
    """Find and read the head of a network. Raises ImportRefused for one that allows no exact map."""
    makers = {id(step.output): step for step in network.steps}
    steps = _steps_of_head(makers, network.model.outputs[0])
    features, spread = _entrance(makers, steps[0])
    stages, ending = _read(steps[1:], width=steps[0].output.shape[-1])
    first = Stage(spread(stages[0].kernel), stages[0].bias)
    return Head(features, (first, *stages[1:]), ending)


def _shared_out(stage: Stage) -> keras.Layer:
    """The first stage at every place, without its bias."""
    if stage.kernel.ndim == 2:
        return _dense(stage, bias=False)
    height, width, _, units = stage.kernel.shape
    layer = layers.EinsumDense("bhwc,hwcu->bhwu", output_shape=(height, width, units))
    return _with_weights(layer, stage.kernel)


def _dense(stage: Stage, *, bias: bool) -> keras.Layer:
    layer = layers.Dense(stage.kernel.shape[-1], use_bias=bias)
    return _with_weights(layer, stage.kernel, *([stage.bias] if bias else []))


def _with_weights(layer: keras.Layer, kernel: Array, *bias: Array) -> keras.Layer:
    layer.build((None, *kernel.shape[:-1]))
    layer.set_weights([kernel, *bias])
    return layer


def _steps_of_head(makers: dict[int, Step], answer: Any) -> list[Step]:
    """The steps from the last feature map to the answer, in order."""
    steps: list[Step] = []
    tensor = answer
    while len(tensor.shape) != 4:
        step = makers.get(id(tensor))
        if step is None or len(step.inputs) != 1:
            raise ImportRefused(f"The head of the network branches, or there is no feature map before it. {KNOWN}")
        steps.insert(0, step)
        (tensor,) = step.inputs
    if not steps:
        raise ImportRefused(f"The network answers with a feature map. {KNOWN}")
    return steps


def _entrance(makers: dict[int, Step], step: Step) -> tuple[Any, Callable[[Array], Array]]:
    """The feature map that the head begins with, and what spreads its first kernel over the places of that map."""
    (features,) = step.inputs
    if isinstance(step.layer, layers.GlobalAveragePooling2D):
        return _of_several_places(features), lambda kernel: kernel
    if not isinstance(step.layer, layers.Flatten):
        raise ImportRefused(f"The head begins with a {type(step.layer).__name__}. {KNOWN}")
    before, shape = makers.get(id(features)), features.shape[1:]
    pool = before.layer.pool_size if before and _averages_blocks(before.layer) else (1, 1)
    if before and pool != (1, 1):
        (features,) = before.inputs
    return _of_several_places(features), lambda kernel: _spread(kernel.reshape(*shape, -1), pool, features.shape[1:3])


def _of_several_places(features: Any) -> Any:
    if features.shape[1] * features.shape[2] < 2:
        raise ImportRefused(
            f"The head sees the whole image as one place, so there is no map of where it looked. {KNOWN}"
        )
    return features


def _averages_blocks(layer: keras.Layer) -> bool:
    """Whether a layer averages blocks side by side, so that flattening after it is linear in each place before it."""
    blocks = isinstance(layer, layers.AveragePooling2D) and layer.padding == "valid"
    return bool(blocks and tuple(layer.strides) == tuple(layer.pool_size))


def _spread(kernel: Array, pool: tuple[int, int], places: tuple[int, int]) -> Array:
    """Turn a kernel (h', w', c, units) on the averages of blocks into one (h, w, c, units) on the mean over places."""
    spread = np.repeat(np.repeat(kernel, pool[0], axis=0), pool[1], axis=1) / (pool[0] * pool[1])
    height, width = places
    edges = [(0, height - spread.shape[0]), (0, width - spread.shape[1]), (0, 0), (0, 0)]
    return np.asarray(np.pad(spread, edges) * (height * width), dtype=np.float32)


def _read(steps: Sequence[Step], width: int) -> tuple[list[Stage], Ending]:
    """The stages of a head whose flat features have `width` numbers, and the activation that it ends with."""
    reader = _Reader(width)
    for step in steps:
        reader.read(step.layer)
    if reader.stage is None or reader.ending is None:
        raise ImportRefused(f"The network does not end with a dense layer and a sigmoid or softmax. {KNOWN}")
    return [*reader.done, reader.stage], reader.ending


class _Reader:
    """Reads layers into stages, with normalisations folded into the dense layer beside them."""

    def __init__(self, width: int) -> None:
        self.done: list[Stage] = []
        self.stage: Stage | None = None
        self.ending: Ending | None = None
        self._normal(width)

    def read(self, layer: keras.Layer) -> None:
        """Take the next layer of the head in. Raises ImportRefused."""
        if self.ending is not None:
            raise ImportRefused(f"Layer {layer.name} comes after the {self.ending} of the network. {KNOWN}")
        match layer:
            case layers.Dense():
                kernel, *bias = layer.get_weights()
                self._multiply(kernel, bias[0] if bias else np.zeros(layer.units, np.float32))
                self._activate(layer, layer.activation.__name__)
            case layers.BatchNormalization():
                self._normalise(layer)
            case layers.Activation():
                self._activate(layer, layer.activation.__name__)
            case layers.ReLU(max_value=None, negative_slope=0, threshold=0):
                self._activate(layer, "relu")
            case layers.Softmax():
                self._activate(layer, "softmax")
            case layers.Identity():
                pass
            case _:
                raise ImportRefused(f"The head has a {type(layer).__name__} ({layer.name}). {KNOWN}")

    def _normal(self, width: int) -> None:
        self.scale, self.shift = np.ones(width, np.float32), np.zeros(width, np.float32)

    def _multiply(self, kernel: Array, bias: Array) -> None:
        if self.stage is None:
            self.stage = Stage(kernel * self.scale[:, np.newaxis], self.shift @ kernel + bias)
        else:
            self.stage = Stage(self.stage.kernel @ kernel, self.stage.bias @ kernel + bias)

    def _normalise(self, layer: keras.layers.BatchNormalization) -> None:
        weights = {variable.name: np.asarray(variable) for variable in layer.weights}
        scale = weights.get("gamma", 1.0) / np.sqrt(weights["moving_variance"] + layer.epsilon)
        shift = weights.get("beta", 0.0) - weights["moving_mean"] * scale
        if self.stage is None:
            self.scale, self.shift = self.scale * scale, self.shift * scale + shift
        else:
            self.stage = Stage(self.stage.kernel * scale, self.stage.bias * scale + shift)

    def _activate(self, layer: keras.Layer, name: str) -> None:
        if name in tuple(Ending):
            self.ending = Ending(name)
        elif name == "relu" and self.stage is not None:
            self.done.append(self.stage)
            self._normal(len(self.stage.bias))
            self.stage = None
        elif name != "linear":
            raise ImportRefused(f"The head has a {name} at {layer.name} that allows no exact map. {KNOWN}")
