"""Let a network learn while it is narrow, then widen it to its full size without changing what it says.

A quarter of the channels costs about a tenth of the arithmetic. Every channel is then repeated, and what reads it
takes a share of each copy, so that the wide network gives the same answers; unequal shares let the copies part
when training goes on (Net2WiderNet; Chen, Goodfellow and Shlens, Net2Net, ICLR 2016). Batch normalisation that only
the narrow network has is folded into its convolutions.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ml import registry
from ml.training.plan import Plan
from ml.training.trained import Trained

Values = NDArray[np.floating[Any]]
# How far the shares of copies lie from equal ones, as a part of an equal share
UNEVENNESS = 0.5


def grow(narrow: Path, plan: Plan, classes: int) -> keras.Model:
    """The full-size classifier that answers as the best network of the narrow run.

    Raises FileNotFoundError when that run is not finished and ValueError when it is of another kind.
    """
    trained = Trained.read(narrow)
    if trained.name != plan.name or trained.plan.width == 1:
        raise ValueError(f"{narrow} holds no narrow run of {plan.name}.")
    wide = registry.build(plan.architecture, classes)
    widen(trained.model(), wide, np.random.default_rng(plan.seed))
    return wide


def widen(narrow: keras.Model, wide: keras.Model, random: np.random.Generator) -> None:
    """Give `wide` the weights that make it answer as `narrow`, up to rounding. Both come from the registry."""
    learned = _weighted(narrow)
    norms = {layer.name: layer for layer in learned if layer.name.endswith(registry.NORM)}
    # By order: keras.applications numbers some layers anew each time it builds
    sources = [layer for layer in learned if layer.name not in norms]
    for source, target in zip(sources, _weighted(wide), strict=True):
        values = _folded(source, norms.get(source.name + registry.NORM))
        target.set_weights(_widened(target, values, random))


def _weighted(model: keras.Model) -> list[keras.layers.Layer]:
    every = [*registry.backbone_of(model).layers, model.get_layer("logits")]
    return [layer for layer in every if layer.weights]


def _folded(layer: keras.layers.Layer, norm: keras.layers.Layer | None) -> list[Values]:
    """The layer's weights, those of the batch normalisation after it included."""
    values: list[Values] = layer.get_weights()
    if norm is None:
        return values
    kernel, bias = values
    gamma, beta, mean, variance = norm.get_weights()
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return [kernel * factor, (bias - mean) * factor + beta]


def _widened(layer: keras.layers.Layer, values: list[Values], random: np.random.Generator) -> list[Values]:
    """The values in the shapes that the wide layer has."""
    shapes = [tuple(weight.shape) for weight in layer.weights]
    readers = _readers(layer)
    return [
        _widen_reader(value, shape, random) if index in readers else _repeat(value, shape)
        for index, (value, shape) in enumerate(zip(values, shapes, strict=True))
    ]


def _readers(layer: keras.layers.Layer) -> tuple[int, ...]:
    """Which weights of a layer sum over channels: they must share out what they read."""
    if isinstance(layer, layers.SeparableConv2D):
        return (1,)
    return (0,) if isinstance(layer, layers.Conv2D | layers.Dense) else ()


def _repeat(value: Values, shape: tuple[int, ...]) -> Values:
    """Copies side by side along every axis that is longer in `shape`."""
    for axis, (old, new) in enumerate(zip(value.shape, shape, strict=True)):
        value = np.repeat(value, new // old, axis=axis)
    return value


def _widen_reader(kernel: Values, shape: tuple[int, ...], random: np.random.Generator) -> Values:
    """Kernel (..., in, out): repeated, each copy of an input with its share; the shares of an input sum to 1."""
    copies = shape[-2] // kernel.shape[-2]
    shares = 1.0 + UNEVENNESS * random.uniform(-1.0, 1.0, (kernel.shape[-2], copies, shape[-1]))
    shares /= shares.sum(axis=1, keepdims=True)
    return _repeat(kernel, shape) * shares.reshape(shape[-2], shape[-1])
