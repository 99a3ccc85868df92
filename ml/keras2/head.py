"""Find the head of a rebuilt network, and say with layers of Keras what it makes of a feature map."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from ml.importing.head import KNOWN, Array, Head, HeadReader, Stage, one_place, spread
from ml.importing.refusal import ImportRefused
from ml.importing.statements import Ending
from ml.keras2.network import Rebuilt, Step


def outputs(head: Head, features: Any) -> dict[str, Any]:
    """Logits (batch, classes) and maps (batch, h, w, classes) of a feature map, as symbolic tensors.

    The mean of a map over its places is the logit of its class, less what the biases contribute.
    """
    first, *later = head.stages
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
    features, spread_out = _entrance(makers, steps[0])
    stages, ending = _read(steps[1:], width=steps[0].output.shape[-1])
    first = Stage(spread_out(stages[0].kernel), stages[0].bias)
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
    return _of_several_places(features), lambda kernel: spread(kernel.reshape(*shape, -1), pool, features.shape[1:3])


def _of_several_places(features: Any) -> Any:
    if features.shape[1] * features.shape[2] < 2:
        raise one_place()
    return features


def _averages_blocks(layer: keras.Layer) -> bool:
    """Whether a layer averages blocks side by side, so that flattening after it is linear in each place before it."""
    blocks = isinstance(layer, layers.AveragePooling2D) and layer.padding == "valid"
    return bool(blocks and tuple(layer.strides) == tuple(layer.pool_size))


def _read(steps: Sequence[Step], width: int) -> tuple[tuple[Stage, ...], Ending]:
    """The stages of a head whose flat features have `width` numbers, and the activation that it ends with."""
    reader = HeadReader(width)
    for step in steps:
        _read_layer(reader, step.layer)
    if reader.ending is None:
        raise ImportRefused(f"The network does not end with a dense layer and a sigmoid or softmax. {KNOWN}")
    return reader.stages, reader.ending


def _read_layer(reader: HeadReader, layer: keras.Layer) -> None:
    """Take the next layer of the head in. Raises ImportRefused."""
    reader.require_open(layer.name)
    match layer:
        case layers.Dense():
            kernel, *bias = layer.get_weights()
            reader.multiply(kernel, bias[0] if bias else np.zeros(layer.units, np.float32))
            reader.activate(layer.activation.__name__, layer.name)
        case layers.BatchNormalization():
            reader.scale(*_normalisation(layer))
        case layers.Activation():
            reader.activate(layer.activation.__name__, layer.name)
        case layers.ReLU(max_value=None, negative_slope=0, threshold=0):
            reader.activate("relu", layer.name)
        case layers.Softmax():
            reader.activate("softmax", layer.name)
        case layers.Identity():
            pass
        case _:
            raise ImportRefused(f"The head has a {type(layer).__name__} ({layer.name}). {KNOWN}")


def _normalisation(layer: keras.layers.BatchNormalization) -> tuple[Array, Array]:
    """The scale and shift of each number."""
    weights = {variable.name: np.asarray(variable) for variable in layer.weights}
    scale = weights.get("gamma", 1.0) / np.sqrt(weights["moving_variance"] + layer.epsilon)
    return scale, weights.get("beta", 0.0) - weights["moving_mean"] * scale
