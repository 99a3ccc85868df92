"""Which precision ships, and what a network must say to ship at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")
pytest.importorskip("openvino", reason="OpenVINO serves what was trained")

import keras

from ml import architectures
from ml.serving.bundle import NETWORK, WEIGHTS
from ml.serving.engine import Network, import_openvino
from ml.spec import Precision
from ml.training.convert import agreement
from ml.training.convert.agreement import Said, judge
from ml.training.convert.conversion import Agreement, ConversionFailed, EightBits, convert
from tests.unit.ml.training.tiny import SIDE, tiny_architecture

pytestmark = pytest.mark.filterwarnings("ignore")
# Each of two labels has its own contrast.
LABELS = np.arange(24) // 12


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    with tiny_architecture():
        yield


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return architectures.build("tiny", 2, size=(SIDE, SIDE))


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Noise of two contrasts, which even an untrained network tells apart."""
    contrasts = np.array([0.3, 1.0], dtype=np.float32)[LABELS, None, None, None]
    return np.random.default_rng(0).standard_normal((24, SIDE, SIDE, 1)).astype(np.float32) * contrasts


def served(folder: Path) -> Network:
    return Network((folder / NETWORK).read_bytes(), (folder / WEIGHTS).read_bytes())


def tried(said: Agreement) -> list[Precision]:
    return [trial.precision for trial in said.quantisation]


def test_eight_bits_ship_where_the_answers_stay(model: keras.Model, samples: np.ndarray, tmp_path: Path) -> None:
    said = convert(model, tmp_path, samples, EightBits(LABELS, samples))
    assert said.precision is Precision.INT8
    (trial,) = said.quantisation
    assert trial.refused is None
    assert said.fast == trial.difference <= 2e-2
    assert said.images == 24
    assert "FakeQuantize" in (tmp_path / NETWORK).read_text()
    logits = np.stack([served(tmp_path).infer(values)[0] for values in samples])
    assert logits == pytest.approx(model.predict(samples, verbose=0), abs=0.1)


def test_where_eight_bits_change_the_answers_sixteen_ship(
    model: keras.Model, samples: np.ndarray, tmp_path: Path
) -> None:
    """Calibrated on images of a hundredth of the contrast, eight bits cut off what real ones show."""
    said = convert(model, tmp_path, samples, EightBits(LABELS, samples / 100))
    assert tried(said) == [Precision.INT8, Precision.FLOAT16]
    assert said.precision is Precision.FLOAT16
    assert "differs from Keras" in str(said.quantisation[0].refused)
    assert 'element_type="f16"' in (tmp_path / NETWORK).read_text()


def test_where_sixteen_bits_are_too_large_the_weights_alone_are_rounded(
    samples: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "LARGEST_FILE", 200_000)
    said = convert(large(), tmp_path, samples, EightBits(LABELS, samples / 100))
    assert tried(said) == [Precision.INT8, Precision.FLOAT16, Precision.FLOAT32, Precision.INT8_WEIGHTS]
    assert "too large" in str(said.quantisation[1].refused)
    assert said.precision is Precision.INT8_WEIGHTS
    assert (tmp_path / WEIGHTS).stat().st_size < 200_000 < said.quantisation[1].bytes


def test_no_more_weights_are_rounded_than_the_size_of_the_file_takes(
    samples: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where rounding the last convolution is enough, the ones before it stay float16."""
    model = large(layers=3)
    convert(model, tmp_path / "sixteen", samples)
    sixteen = (tmp_path / "sixteen" / WEIGHTS).stat().st_size
    monkeypatch.setattr(agreement, "LARGEST_FILE", round(sixteen * 0.97))
    said = convert(model, tmp_path / "eight", samples, EightBits(LABELS, samples / 100))
    assert said.precision is Precision.INT8_WEIGHTS
    # Half of what rounding all of them would save
    assert sixteen * 0.6 < (tmp_path / "eight" / WEIGHTS).stat().st_size < sixteen * 0.97


def test_what_no_precision_can_say_is_not_shipped(
    model: keras.Model, samples: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "LARGEST_FILE", 100)
    with pytest.raises(ConversionFailed, match=r"As int8: .* As float16: .* As int8-weights: .* Nothing was exported"):
        convert(model, tmp_path / "out", samples, EightBits(LABELS, samples))
    assert not (tmp_path / "out").exists()


def test_without_images_to_calibrate_nothing_computes_in_eight_bits(
    model: keras.Model, samples: np.ndarray, tmp_path: Path
) -> None:
    said = convert(model, tmp_path, samples)
    assert tried(said) == [Precision.FLOAT16]
    assert said.quantisation[0].auc_lost is None


def test_the_grey_channel_is_read_once_and_batch_normalisation_is_folded(
    model: keras.Model, samples: np.ndarray, tmp_path: Path
) -> None:
    convert(model, tmp_path, samples)
    operations = import_openvino().Core().read_model(tmp_path / NETWORK).get_ordered_ops()
    kinds = [each.get_type_name() for each in operations if each.get_type_name() not in {"Constant", "Convert"}]
    assert not {"Concat", "BatchNormInference", "Multiply"} & set(kinds)
    assert kinds[:3] == ["Parameter", "Transpose", "Convolution"]
    first = next(each for each in operations if each.get_type_name() == "Convolution")
    assert list(first.input_value(1).get_shape()) == [8, 1, 3, 3]


def judged(said: Said, folder: Path) -> str | None:
    return judge(Precision.INT8, folder, said, truth(), LABELS).refused


def truth() -> Said:
    """Each image's label has 0.8, and its evidence lies in one corner."""
    probabilities = np.full((24, 2), 0.2) + 0.6 * np.eye(2)[LABELS]
    maps = np.zeros((24, 4, 4, 2), dtype=np.float32)
    maps[np.arange(24), 0, 0, LABELS] = 1
    return Said(probabilities, maps)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (NETWORK, WEIGHTS):
        (tmp_path / name).write_bytes(b"some")
    return tmp_path


def test_the_same_answers_ship(folder: Path) -> None:
    assert judged(truth(), folder) is None


def test_another_probability_does_not(folder: Path) -> None:
    said = truth()
    said.probabilities[3] += (0.03, -0.03)
    assert "differs from Keras by 3.0e-02" in str(judged(said, folder))


def test_evidence_elsewhere_does_not(folder: Path) -> None:
    said = Said(truth().probabilities, truth().maps[:, ::-1])
    assert "evidence lies elsewhere" in str(judged(said, folder))


def test_a_loss_of_half_a_point_of_auc_does_not(folder: Path) -> None:
    """Differences that are small where a label is decided: the ranks change, the probabilities hardly."""
    near = Said(np.full((24, 2), 0.5) + 1e-3 * np.eye(2)[LABELS], truth().maps)
    flat = Said(np.full((24, 2), 0.5), truth().maps)
    assert "AUC of a label falls by 0.5000" in str(judge(Precision.INT8, folder, flat, near, LABELS).refused)


def test_a_label_without_an_image_cannot_be_measured_and_does_not(folder: Path) -> None:
    assert judge(Precision.INT8, folder, truth(), truth(), np.zeros(24, dtype=np.int64)).refused is not None


def large(layers: int = 2) -> keras.Model:
    """A network whose weights are most of its files; with more layers, they are in several of them."""
    keras.utils.set_random_seed(0)
    grey = keras.Input((SIDE, SIDE, 1))
    values = keras.layers.Conv2D(64, 3, strides=2, activation="relu")(grey)
    for _ in range(layers - 1):
        values = keras.layers.Conv2D(256 // (layers - 1), 3, strides=2, activation="relu")(values)
    pooled = keras.layers.GlobalAveragePooling2D(name="pool")(values)
    return keras.Model(grey, keras.layers.Dense(2, name="logits")(pooled))
