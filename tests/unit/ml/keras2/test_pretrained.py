"""Fine-tuning from a weights file without top, in the layout in which keras.applications publishes its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")
import keras

from ml import architectures
from ml.__main__ import main
from ml.spec import Modality
from ml.training.fit.plan import Phase, Plan
from ml.training.fit.trainer import train
from tests.unit.ml.training.rows import write_data

pytestmark = pytest.mark.filterwarnings("ignore")
SIDE = 32
NO_TOP = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"


@pytest.fixture(autouse=True)
def policy() -> Iterator[None]:
    """Training sets the precision of its process."""
    yield
    keras.mixed_precision.set_global_policy("float32")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of VGG16's thirteen convolutions."""
    return write_weights(tmp_path_factory.mktemp("weights") / NO_TOP)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), each=12, side=SIDE)


def write_weights(path: Path) -> Path:
    random = np.random.default_rng(0)
    layers = keras.applications.VGG16(include_top=False, weights=None, input_shape=(None, None, 3)).layers
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([layer.name.encode() for layer in layers])
        for layer in layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{variable.name}:0" for variable in layer.weights]
            group.attrs["weight_names"] = np.array([name.encode() for name in names] or [], dtype="S64")
            for name, variable in zip(names, layer.weights, strict=True):
                scale = np.sqrt(2 / np.prod(variable.shape[:-1]))
                group[name] = random.normal(0, scale, variable.shape).astype(np.float32)
    return path


def kernels(path: Path) -> dict[str, np.ndarray]:
    """The kernels of a file without top, by layer."""
    with h5py.File(path) as file:
        return {name: file[name][f"{name}/kernel:0"][()] for name in file if len(file[name].attrs["weight_names"])}


def learnt(run: Path) -> keras.Model:
    model = architectures.build("vgg16", 3)
    model.load_weights(run / "latest.weights.h5")
    return model


def test_the_head_learns_first_and_the_whole_network_after_it(weights: Path, data: Path, tmp_path: Path) -> None:
    frozen = Phase(SIDE, 1, frozen=True)
    plan = Plan(Modality.CXR, "vgg16", (frozen,), weights=str(weights), batch=8)
    given = kernels(weights)
    assert len(given) == 13
    train(plan, data, tmp_path)
    first = learnt(tmp_path)
    backbone = architectures.backbone_of(first)
    assert all(np.array_equal(backbone.get_layer(name).get_weights()[0], kernel) for name, kernel in given.items())
    train(Plan(**vars(plan) | {"phases": (frozen, Phase(SIDE, 1))}), data, tmp_path)
    second = learnt(tmp_path)
    backbone = architectures.backbone_of(second)
    changes = [np.abs(backbone.get_layer(name).get_weights()[0] - kernel).max() for name, kernel in given.items()]
    assert all(0 < change < 0.01 for change in changes)
    assert not np.array_equal(first.get_layer("logits").get_weights()[0], second.get_layer("logits").get_weights()[0])


def train_by_command(data: Path, out: Path, weights: Path) -> int:
    options = ["--modality", "cxr", "--architecture", "vgg16", "--sizes", "32:1", "--batch", "8"]
    return main(["train", *options, "--data", str(data), "--out", str(out), "--weights", str(weights)])


def test_weights_of_another_architecture_are_refused(
    weights: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with h5py.File(weights) as file, h5py.File(tmp_path / NO_TOP, "w") as fewer:
        names = [name for name in file.attrs["layer_names"] if not name.startswith(b"block5")]
        fewer.attrs["layer_names"] = names
        for name in names:
            file.copy(name.decode(), fewer)
    assert train_by_command(data, tmp_path / "run", tmp_path / NO_TOP) == 2
    assert "mismatch" in capsys.readouterr().err


def test_weights_that_fit_hardly_any_layer_are_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keras would skip what does not fit, and say so to nobody."""
    keras.applications.VGG16(include_top=False, weights=None).save_weights(tmp_path / "bare.weights.h5")
    assert train_by_command(data, tmp_path / "run", tmp_path / "bare.weights.h5") == 2
    assert "fits 0 of the 13 kernels" in capsys.readouterr().err


def test_a_missing_weights_file_is_refused(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_by_command(data, tmp_path / "run", tmp_path / "lost.h5") == 2
    assert "lost.h5 is no file" in capsys.readouterr().err
