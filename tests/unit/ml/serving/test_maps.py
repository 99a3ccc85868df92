"""The maps that come out of a served network: of every architecture, and of every bundle that ships."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")
pytest.importorskip("openvino", reason="OpenVINO serves what was trained")

import keras

import ml
from ml import architectures
from ml.imaging.phantom import chest_xray
from ml.preprocessing import WHOLE, Pixels
from ml.serving.attention import attention_map, evidence
from ml.serving.bundle import NETWORK, WEIGHTS, read_bundle
from ml.serving.engine import Network
from ml.serving.lungs.crop import prepare
from ml.spec import ClassifierSpec
from ml.training.convert.conversion import convert

pytestmark = pytest.mark.filterwarnings("ignore")
SIDE, WIDTH = 160, 4
FOLDERS = sorted(path.parent for path in (Path(ml.__file__).parent / "weights").glob("*/*/spec.json"))
every_bundle = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
LEFT, BOTTOM = slice(0, SIDE // 4), slice(SIDE - SIDE // 4, SIDE)


@dataclass(frozen=True)
class Served:
    """An untrained network whose head looks for what is planted in the lower left corner of `planted`."""

    model: keras.Model
    network: Network
    planted: Pixels


def noise(seed: int) -> Pixels:
    return np.random.default_rng(seed).standard_normal((SIDE, SIDE, 1)).astype(np.float32)


def plant(seed: int) -> Pixels:
    """Stripes in one corner, which is neither its own mirror image nor its own transposition."""
    values = noise(seed) * np.float32(0.1)
    values[BOTTOM, LEFT] += np.float32(3) * (np.indices((SIDE // 4, SIDE // 4)).sum(axis=0) // 4 % 2)[..., None]
    return values


def look_for_stripes(model: keras.Model) -> None:
    """Label 0 is for what the features of the corner have more of than those of the rest, label 1 for the opposite."""
    features = np.asarray(keras.Model(model.input, model.get_layer("pool").input)(plant(0)[np.newaxis]))[0]
    corner = features[-1, 0] - features[: features.shape[0] // 2, features.shape[1] // 2 :].mean(axis=(0, 1))
    corner /= np.linalg.norm(corner)
    model.get_layer("logits").set_weights([np.stack([corner, -corner], axis=1), np.zeros(2, dtype=np.float32)])


@pytest.fixture(scope="module", params=architectures.ARCHITECTURES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    keras.utils.set_random_seed(0)
    model = architectures.build(request.param, 2, size=(SIDE, SIDE), width=WIDTH)
    look_for_stripes(model)
    folder = tmp_path_factory.mktemp(request.param)
    convert(model, folder, np.stack([noise(0), plant(0)]))
    yield Served(model, Network((folder / NETWORK).read_bytes(), (folder / WEIGHTS).read_bytes()), plant(1))
    keras.backend.clear_session()


def test_evidence_in_one_corner_is_shown_in_that_corner(served: Served) -> None:
    _, maps = served.network.infer(served.planted)
    attention = attention_map(maps, 0, WHOLE, (SIDE, SIDE))
    assert np.isfinite(attention).all()
    row, column = np.unravel_index(attention.argmax(), attention.shape)
    assert row > SIDE / 2
    assert column < SIDE / 2
    assert attention[SIDE // 2 :, : SIDE // 2].mean() > 1.5 * attention.mean()


def test_they_add_up_to_the_logits(served: Served) -> None:
    logits, maps = served.network.infer(served.planted)
    assert maps.mean(axis=(0, 1)) == pytest.approx(logits, rel=0.03, abs=0.01 * float(np.abs(maps).max()))


@every_bundle
def test_those_of_a_bundle_add_up_to_its_logits(folder: Path) -> None:
    """What is left of a logit without its map is one constant, the bias, whatever the image."""
    bundle = read_bundle(folder)
    network, (height, width) = Network(*bundle.verified_weights()), bundle.spec.input_size
    images = chests(bundle.spec)
    spotted = images.copy()
    spotted[:, -height // 4 :, : width // 4] = 3.0
    (logits, maps), (others, moved) = infer(network, images), infer(network, spotted)
    size = max(1.0, float(np.abs(maps).max()), float(np.abs(moved).max()))
    assert logits - maps.mean(axis=(1, 2)) == pytest.approx(others - moved.mean(axis=(1, 2)), abs=0.02 * size)
    assert np.isfinite(evidence(maps[0], 0)).all()


@every_bundle
def test_those_of_a_bundle_are_gone_when_its_weights_are_random(folder: Path) -> None:
    """The same architecture before training, on the same images, shows something else."""
    bundle = read_bundle(folder)
    spec, network = bundle.spec, Network(*bundle.verified_weights())
    keras.utils.set_random_seed(0)
    untrained = architectures.build(spec.architecture, len(spec.labels), size=spec.input_size, width=spec.width)
    images = chests(spec)
    _, learnt = infer(network, images)
    random = np.asarray(architectures.with_maps(untrained)(images)["maps"])
    assert abs(np.corrcoef(own(learnt), own(random))[0, 1]) < 0.9


def chests(spec: ClassifierSpec) -> Pixels:
    """Four synthetic chests as the network reads them, float32 (4, h, w, 1)."""
    return np.stack([prepare(chest_xray(seed=seed), spec.input_size, spec.preprocessing).values for seed in range(4)])


def infer(network: Network, images: Pixels) -> tuple[Pixels, Pixels]:
    """Logits (n, labels) and maps (n, rows, columns, labels)."""
    logits, maps = zip(*(network.infer(values) for values in images), strict=True)
    return np.stack(logits), np.stack(maps)


def own(maps: Pixels) -> Pixels:
    """What is above or below the mean of each map, in a row."""
    return (maps - maps.mean(axis=(1, 2), keepdims=True)).ravel()
