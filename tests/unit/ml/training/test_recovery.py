"""What a released network learnt is found again, so that training can go on from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")

import keras
from keras.layers import BatchNormalization

from ml import architectures
from ml.preprocessing import Pixels
from ml.probability import softmax
from ml.serving.bundle import Bundle, read_bundle
from ml.serving.engine import Network
from ml.spec import Precision
from ml.training.convert import recovery
from ml.training.convert.recovery import RecoveryFailed, recover
from ml.training.publish.recipes import WEIGHTS_ROOT

pytestmark = pytest.mark.filterwarnings("ignore")


def released(identity: str) -> Bundle:
    return read_bundle(WEIGHTS_ROOT / identity)


def pictures(bundle: Bundle, count: int = 12) -> Pixels:
    """Soft spots of many sizes: what a network is shown, as far as its layers can tell."""
    height, width = bundle.spec.input_size
    random = np.random.default_rng(3)
    coarse = random.normal(size=(count, height // 8 + 1, width // 8 + 1))
    fine = np.kron(coarse, np.ones((8, 8)))[:, :height, :width] + 0.2 * random.normal(size=(count, height, width))
    return fine.astype(np.float32)[..., np.newaxis]


# Batch normalisation without a scale, and separable convolutions; the other four were recovered by hand
@pytest.mark.parametrize("identity", ["inceptionv3-cxr/2.0.0", "xception-cxr/2.0.0"])
def test_the_recovered_classifier_answers_as_the_released_one(identity: str) -> None:
    bundle = released(identity)
    images = pictures(bundle)
    model = recover(bundle, images)
    others = pictures(bundle, 20)[12:]
    said = softmax(Network(*bundle.verified_weights()).infer_batch(others)[0])
    assert softmax(model.predict(others, verbose=0)) == pytest.approx(said, abs=1e-3)
    assert model.count_params() > bundle.spec.parameters * 0.99
    norms = [each for each in architectures.backbone_of(model).layers if isinstance(each, BatchNormalization)]
    assert norms
    assert all(np.abs(np.asarray(norm.moving_mean)).max() > 0 for norm in norms)
    if all(norm.scale for norm in norms):
        # Training can go on: with the statistics of a batch the last layer gets about the same
        before = keras.Model(model.input, model.get_layer("pool").output)
        trained, settled = np.asarray(before(images, training=True)), before.predict(images, verbose=0)
        assert np.corrcoef(trained.ravel(), settled.ravel())[0, 1] > 0.9


def test_a_head_that_reads_two_blocks_and_weights_in_eight_bits_are_recovered() -> None:
    """Three convolutions of this bundle are stored in eight bits, with a scale for each output."""
    bundle = released("vgg16-cxr/3.0.0")
    assert bundle.spec.precision is Precision.INT8_WEIGHTS
    model = recover(bundle, pictures(bundle, 2))
    others = pictures(bundle, 4)[2:]
    said = softmax(Network(*bundle.verified_weights()).infer_batch(others)[0])
    assert softmax(model.predict(others, verbose=0)) == pytest.approx(said, abs=1e-3)
    assert model.count_params() == bundle.spec.parameters
    assert architectures.backbone_of(model).output.shape[-1] == 1024


def test_cheaper_convolutions_are_recovered() -> None:
    """Each is two in the graph; which of them they are, and how many channels are left, only the graph tells."""
    bundle = released("vgg16-cxr/4.1.0")
    model = recover(bundle, pictures(bundle, 2))
    others = pictures(bundle, 4)[2:]
    said = softmax(Network(*bundle.verified_weights()).infer_batch(others)[0])
    assert softmax(model.predict(others, verbose=0)) == pytest.approx(said, abs=1e-3)
    assert model.count_params() == bundle.spec.parameters
    names = [layer.name for layer in architectures.backbone_of(model).layers]
    assert "block5_conv3" + architectures.MIXED in names


def test_another_architecture_is_refused() -> None:
    bundle = released("vgg16-cxr/2.0.0")
    with pytest.raises(RecoveryFailed, match="not built as vgg19"):
        recover(replace(bundle, spec=replace(bundle.spec, architecture="vgg19")), pictures(bundle, 1))


def test_a_classifier_that_answers_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = released("vgg16-cxr/2.0.0")
    monkeypatch.setattr(recovery, "_settle", lambda norm, *_: norm.beta.assign(norm.beta + 1.0))
    with pytest.raises(RecoveryFailed, match="differs from vgg16-cxr"):
        recover(bundle, pictures(bundle, 2))
