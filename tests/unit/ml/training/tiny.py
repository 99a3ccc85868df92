"""Architectures small enough to train in a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import pytest

from ml import architectures

SIDE = 32


def tiny_backbone(*, include_top: bool, weights: str | None, input_shape: tuple[int | None, ...]) -> keras.Model:
    """Two convolutions with batch normalisation: the parts that every large backbone is made of."""
    pixels = keras.Input(input_shape)
    values = pixels
    for filters in (8, 16):
        values = keras.layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(values)
        values = keras.layers.BatchNormalization()(values)
        values = keras.layers.ReLU()(values)
    return _loaded(keras.Model(pixels, values, name="tiny-backbone"), weights)


def chain_backbone(*, include_top: bool, weights: str | None, input_shape: tuple[int | None, ...]) -> keras.Model:
    """A plain chain of layers, as VGG16 is."""
    pixels = keras.Input(input_shape)
    values = keras.layers.Conv2D(64, 3, padding="same", activation="relu", name="reads")(pixels)
    for index, filters in enumerate((64, 96, 96)):
        values = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{index}")(values)
        values = keras.layers.MaxPooling2D(name=f"pool{index}")(values)
    return _loaded(keras.Model(pixels, values, name="chain"), weights)


@contextmanager
def tiny_architecture() -> Iterator[None]:
    """Lets `ml.architectures` know it by the name "tiny" for a while."""
    with _known(architectures.Architecture("tiny", tiny_backbone, (SIDE, SIDE), 8, architectures.TORCH)):
        yield
    keras.mixed_precision.set_global_policy("float32")


@contextmanager
def chain_architecture() -> Iterator[None]:
    """Lets `ml.architectures` know it by the name "chain" for a while; its head can read two blocks."""
    with _known(architectures.Architecture("chain", chain_backbone, (SIDE, SIDE), 8, architectures.TORCH, "pool1")):
        yield


@contextmanager
def _known(entry: architectures.Architecture) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(architectures.ARCHITECTURES, entry.name, entry)
        yield


def _loaded(backbone: keras.Model, weights: str | None) -> keras.Model:
    if weights:
        backbone.load_weights(weights)
    return backbone
