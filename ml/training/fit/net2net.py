"""Let a network learn while it is small, then grow it without changing what it says.

A quarter of the channels costs about a tenth of the arithmetic. Every channel is then repeated, and what reads it
takes a share of each copy, so that the wide network gives the same answers; unequal shares let the copies part
when training goes on (Net2WiderNet; Chen, Goodfellow and Shlens, Net2Net, ICLR 2016). Batch normalisation that only
the narrow network has is folded into its convolutions. A deeper sibling starts with convolutions that pass on what
they get (Net2DeeperNet, of the same paper).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ml import architectures
from ml.training.fit.finished_run import FinishedRun
from ml.training.fit.plan import Plan

Values = NDArray[np.floating[Any]]
Step = Callable[[keras.Model, keras.Model, np.random.Generator], None]
# Siblings that differ only in the number of their layers
DEEPER = {"vgg16": "vgg19"}
# How far the shares of copies lie from equal ones, as a part of an equal share
UNEVENNESS = 0.5


def grow(smaller: Path, plan: Plan, classes: int) -> keras.Model:
    """The classifier of `plan` that answers as the best network of the smaller run.

    Raises FileNotFoundError when that run is not finished and ValueError when the plan's network cannot grow from it.
    """
    trained = FinishedRun.read(smaller)
    step = _step(trained.plan, plan)
    if step is None:
        raise ValueError(f"{smaller} holds {_words(trained.plan)}, from which {_words(plan)} cannot grow.")
    larger = architectures.build(plan.architecture, classes, width=plan.width)
    step(trained.model(), larger, np.random.default_rng(plan.seed))
    return larger


def _step(start: Plan, plan: Plan) -> Step | None:
    if start.modality is not plan.modality:
        return None
    if start.architecture == plan.architecture and start.width > 1 == plan.width:
        return widen
    deeper = DEEPER.get(start.architecture) == plan.architecture and start.width == plan.width
    return deepen if deeper else None


def _words(plan: Plan) -> str:
    return f"{plan.name} at {'full width' if plan.width == 1 else f'1/{plan.width} of its width'}"


def deepen(shallow: keras.Model, deep: keras.Model, random: np.random.Generator) -> None:
    """Give `deep` the layers of `shallow`, and let those that it has more of pass on what they get.

    Their batch normalisation changes nothing as long as its statistics are 0 and 1: the answers are the same until
    training begins. `random` is not needed: nothing is repeated.
    """
    learned = {layer.name: layer for layer in _weighted(shallow)}
    for layer in _weighted(deep):
        source = learned.get(layer.name)
        layer.set_weights(source.get_weights() if source else _passing_on(layer))


def _passing_on(layer: keras.layers.Layer) -> list[Values]:
    """Weights with which a layer gives what it gets, if that is not negative."""
    if isinstance(layer, layers.BatchNormalization):
        beta, mean = np.zeros_like(layer.beta), np.zeros_like(layer.moving_mean)
        one = np.ones_like(beta)
        return [one, beta, mean, one - layer.epsilon]
    kernel, bias = layer.get_weights()
    height, width, channels, _ = kernel.shape
    passing = np.zeros_like(kernel)
    passing[height // 2, width // 2] = np.eye(channels)
    return [passing, np.zeros_like(bias)]


def widen(narrow: keras.Model, wide: keras.Model, random: np.random.Generator) -> None:
    """Give `wide` the weights that make it answer as `narrow`, up to rounding. Both come from the architectures."""
    learned = _weighted(narrow)
    norms = {layer.name: layer for layer in learned if layer.name.endswith(architectures.NORM)}
    # By order: keras.applications numbers some layers anew each time it builds
    sources = [layer for layer in learned if layer.name not in norms]
    for source, target in zip(sources, _weighted(wide), strict=True):
        values = _folded(source, norms.get(source.name + architectures.NORM))
        target.set_weights(_widened(target, values, random))


def _weighted(model: keras.Model) -> list[keras.layers.Layer]:
    every = [*architectures.backbone_of(model).layers, model.get_layer("logits")]
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
