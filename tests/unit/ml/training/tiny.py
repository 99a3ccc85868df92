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
    backbone = keras.Model(pixels, values, name="tiny-backbone")
    if weights:
        backbone.load_weights(weights)
    return backbone


@contextmanager
def tiny_architecture() -> Iterator[None]:
    """Lets `ml.architectures` know it by the name "tiny" for a while."""
    with pytest.MonkeyPatch.context() as patch:
        entry = architectures.Architecture("tiny", tiny_backbone, (SIDE, SIDE), 8, architectures.TORCH)
        patch.setitem(architectures.ARCHITECTURES, "tiny", entry)
        yield
    keras.mixed_precision.set_global_policy("float32")


def chain_backbone(*, include_top: bool, weights: str | None, input_shape: tuple[int | None, ...]) -> keras.Model:
    """A plain chain of layers, as VGG16 is."""
    pixels = keras.Input(input_shape)
    values = keras.layers.Conv2D(64, 3, padding="same", activation="relu", name="reads")(pixels)
    for index, filters in enumerate((64, 96, 96)):
        values = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{index}")(values)
        values = keras.layers.MaxPooling2D(name=f"pool{index}")(values)
    backbone = keras.Model(pixels, values, name="chain")
    if weights:
        backbone.load_weights(weights)
    return backbone


@contextmanager
def chain_architecture() -> Iterator[None]:
    """Lets `ml.architectures` know it by the name "chain" for a while; its head can read two blocks."""
    with pytest.MonkeyPatch.context() as patch:
        entry = architectures.Architecture("chain", chain_backbone, (SIDE, SIDE), 8, architectures.TORCH, "pool1")
        patch.setitem(architectures.ARCHITECTURES, "chain", entry)
        yield
