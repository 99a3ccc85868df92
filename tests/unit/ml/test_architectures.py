from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")
from ml import architectures

NAMES = ("vgg16", "vgg19", "resnet50", "inceptionv3", "xception", "densenet121")
pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_six_architectures_are_there() -> None:
    assert tuple(architectures.ARCHITECTURES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_builds_and_its_maps_add_up_to_its_logits(name: str) -> None:
    model = architectures.build(name, 3)
    side = architectures.find(name).smallest_side
    pixels = np.random.default_rng(0).standard_normal((1, side + 32, side + 48, 1)).astype("float32")
    outputs = architectures.with_maps(model)(pixels)
    logits, maps = np.asarray(outputs["logits"]), np.asarray(outputs["maps"])
    bias = model.get_layer("logits").get_weights()[1]
    assert np.isfinite(maps).all()
    assert np.ptp(logits) > 0
    assert maps.mean(axis=(1, 2)) + bias == pytest.approx(logits, abs=1e-4 * max(1.0, float(np.abs(maps).max())))


@pytest.mark.parametrize("width", [1, 4])
def test_a_head_that_reads_two_blocks_has_exact_maps_too(width: int) -> None:
    model = architectures.build("vgg16", 3, size=(64, 96), width=width, two_levels=True)
    assert model.get_layer("logits").get_weights()[0].shape == (1024 // width, 3)
    pixels = np.random.default_rng(0).standard_normal((1, 64, 96, 1)).astype("float32")
    outputs = architectures.with_maps(model)(pixels)
    logits, maps = np.asarray(outputs["logits"]), np.asarray(outputs["maps"])
    assert maps.shape == (1, 2, 3, 3)
    bias = model.get_layer("logits").get_weights()[1]
    assert maps.mean(axis=(1, 2)) + bias == pytest.approx(logits, abs=1e-4 * max(1.0, float(np.abs(maps).max())))
    # The block before the last one is heard
    kernel = model.get_layer("logits").get_weights()[0]
    kernel[: 512 // width] = 0
    model.get_layer("logits").set_weights([kernel, bias])
    assert np.asarray(architectures.with_maps(model)(pixels)["logits"]) != pytest.approx(logits, abs=1e-6)


def test_two_blocks_are_read_only_where_that_is_foreseen_and_halves_evenly() -> None:
    with pytest.raises(ValueError, match="reads the last block alone"):
        architectures.build("resnet50", 3, two_levels=True)
    with pytest.raises(ValueError, match="multiples of 32"):
        architectures.build("vgg16", 3, size=(64, 80), two_levels=True)


def test_each_name_builds_its_own_network() -> None:
    parameters = {name: architectures.backbone_of(architectures.build(name, 2)).count_params() for name in NAMES}
    assert len(set(parameters.values())) == len(NAMES)
    # Published sizes of the networks without their ImageNet heads
    assert parameters["vgg16"] == 14_714_688
    assert parameters["densenet121"] == 7_037_504


def test_an_unknown_architecture_is_refused_with_the_known_names() -> None:
    with pytest.raises(ValueError, match="densenet121"):
        architectures.find("alexnet")


def test_fine_tuning_keeps_the_statistics_of_a_pretrained_backbone() -> None:
    model = architectures.build("densenet121", 2)
    architectures.freeze_statistics(model)
    frozen = [layer for layer in architectures.backbone_of(model).layers if not layer.trainable]
    assert len(frozen) > 100
    assert {type(layer).__name__ for layer in frozen} == {"BatchNormalization"}
