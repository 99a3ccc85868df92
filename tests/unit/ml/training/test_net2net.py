"""A narrow network is widened without a change in what it says, and training then lets its copies part."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")

import keras

from ml import architectures
from ml.training.fit.net2net import deepen, widen

pytestmark = pytest.mark.filterwarnings("ignore")
# With and without batch normalisation, with sums, with concatenations, with separable convolutions
KINDS = ("vgg16", "resnet50", "inceptionv3", "xception", "densenet121")


def lively(name: str, random: np.random.Generator) -> keras.Model:
    """A narrow network whose batch normalisation does something."""
    model = architectures.build(name, 3, width=4)
    for layer in architectures.backbone_of(model).layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # InceptionV3 has no scale
            *scale, beta, mean, variance = layer.get_weights()
            moved = beta + random.normal(0, 0.1, beta.shape)
            spread = variance * random.uniform(0.8, 1.2, beta.shape)
            layer.set_weights([*(each * random.uniform(0.8, 1.2, each.shape) for each in scale), moved, mean, spread])
    return model


@pytest.mark.parametrize("name", KINDS)
def test_the_wide_network_answers_as_the_narrow_one(name: str) -> None:
    random = np.random.default_rng(0)
    narrow, wide = lively(name, random), architectures.build(name, 3)
    side = architectures.find(name).smallest_side + 16
    pixels = random.standard_normal((2, side, side, 1)).astype(np.float32)
    before = np.asarray(wide(pixels))
    widen(narrow, wide, random)
    expected = np.asarray(narrow(pixels))
    scale = max(1.0, float(np.abs(expected).max()))
    assert np.asarray(wide(pixels)) == pytest.approx(expected, abs=1e-4 * scale)
    assert before != pytest.approx(expected, abs=1e-4 * scale)
    assert wide.count_params() > 10 * narrow.count_params()


@pytest.mark.parametrize("width", [1, 4])
def test_the_deeper_sibling_answers_as_the_shallower_one(width: int) -> None:
    random = np.random.default_rng(2)
    shallow = lively("vgg16", random) if width > 1 else architectures.build("vgg16", 3)
    deep = architectures.build("vgg19", 3, width=width)
    deepen(shallow, deep, random)
    pixels = random.standard_normal((2, 48, 48, 1)).astype(np.float32)
    expected = np.asarray(shallow(pixels))
    assert np.asarray(deep(pixels)) == pytest.approx(expected, abs=1e-4 * max(1.0, float(np.abs(expected).max())))
    assert len(architectures.backbone_of(deep).layers) > len(architectures.backbone_of(shallow).layers)


def test_copies_of_a_channel_part_when_training_goes_on() -> None:
    random = np.random.default_rng(1)
    narrow, wide = lively("resnet50", random), architectures.build("resnet50", 3)
    widen(narrow, wide, random)
    features = keras.Model(wide.input, wide.get_layer("pool").output)
    pixels = random.standard_normal((8, 48, 48, 1)).astype(np.float32)

    def spread() -> float:
        """How far the four copies of a feature lie apart."""
        return float(np.ptp(np.asarray(features(pixels)).reshape(8, -1, 4), axis=-1).mean())

    together = spread()
    wide.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    wide.fit(pixels, np.arange(8) % 3, epochs=2, verbose=0)
    assert together < 1e-3
    assert spread() > 10 * together
