"""The whole way of an ONNX file: import it, serve it, and read what its bundle says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train and to import")
pytest.importorskip("openvino", reason="OpenVINO serves what was imported")

from ml.__main__ import main
from ml.importing import importer, proof
from ml.onnx import reading
from ml.onnx.head import take_apart
from ml.onnx.importer import Exported
from ml.onnx.network import open_network
from ml.onnx.served import served_model
from ml.preprocessing import Pixels, interpolate
from ml.serving import load
from ml.serving.bundle import NETWORK, WEIGHTS, read_bundle
from ml.spec import Modality, Precision
from ml.training.data.datasets import read_pixels
from ml.training.data.manifest import read_rows
from tests.unit.ml.import_options import NAME, import_options
from tests.unit.ml.keras2.files import SIDE, answers, stripes_network
from tests.unit.ml.onnx.files import Network, flattened
from tests.unit.ml.onnx.operators import CRASHES
from tests.unit.ml.training.rows import write_data

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty images a label in groups of two; the network knows covid and normal."""
    return write_data(tmp_path_factory.mktemp("data"), each=40)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network whose sigmoid means normal by 1."""
    return flattened(stripes_network(), "Sigmoid").write(tmp_path_factory.mktemp("network") / "network.onnx")


@pytest.fixture(scope="module")
def root(network: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundles with the imported network in it."""
    folder = tmp_path_factory.mktemp("weights")
    assert main(import_options(network, data, folder)) == 0
    return folder


def covid_by_hand(pixels: list[Pixels]) -> np.ndarray:
    """Probability of covid, worked out with NumPy alone."""
    grey = np.stack([interpolate(each, (SIDE, SIDE)) for each in pixels])
    return 1.0 - answers(stripes_network(), np.repeat(grey[..., np.newaxis], 3, axis=3), ending="sigmoid")[:, 0]


def test_it_serves_what_the_file_says(root: Path, data: Path) -> None:
    """Calibration divides the difference of the logits; what was said before it follows by multiplication."""
    (classifier,) = load(root, Modality.CXR)
    spec = classifier.spec
    assert (spec.labels, spec.precision, spec.preprocessing) == (
        ("covid", "normal"),
        Precision.FLOAT32,
        "plain-linear-1",
    )
    pixels = [read_pixels(data / row.path) for row in read_rows(data, Modality.CXR)[::10]]
    for one, covid in zip(pixels, covid_by_hand(pixels), strict=True):
        served = classifier.predict(one).probabilities["covid"]
        logit = np.log(served / (1 - served)) * spec.temperature
        assert 1 / (1 + np.exp(-logit)) == pytest.approx(covid, abs=1e-3)
    assert spec.operating_point.sensitivity.value >= 0.9
    assert spec.operating_point.specificity.value >= 0.9


def test_its_map_shows_the_stripes(root: Path) -> None:
    """Stripes across the lower half only."""
    (classifier,) = load(root, Modality.CXR)
    pixels = np.full((40, 40), 0.1, dtype=np.float32)
    pixels[20:] += np.float32(0.8) * (np.arange(20) // 4 % 2)[:, np.newaxis].astype(np.float32)
    said = classifier.predict(pixels)
    assert said.label == "covid"
    assert said.attention[24:].mean() > 5 * said.attention[:16].mean()


def test_its_papers_say_where_it_comes_from_and_what_it_is_not(root: Path, network: Path) -> None:
    bundle = root / NAME / "1.0.0"
    spec, card = read_bundle(bundle).spec, (bundle / "CARD.md").read_text()
    report = json.loads((bundle / "metrics.json").read_text())
    file_sha256 = hashlib.sha256(network.read_bytes()).hexdigest()
    assert report["imported"]["file_sha256"] == file_sha256
    assert report["agreement_with_file"]["difference"] <= 1e-4
    assert spec.operating_point.measured_on == "the test part of the labelled images given at the import"
    for text in (
        file_sha256,
        spec.weights_sha256,
        "imported from an ONNX file",
        "not measured as a member of any",
        "What it answers is sigmoid, and its input nchw.",
        "The 1 of its sigmoid means normal.",
        "made up: 40 covid images",
    ):
        assert text in card
    assert "features here" not in (bundle / NETWORK).read_text()  # as the file names a step


def test_on_real_radiographs_file_and_bundle_say_what_the_weights_do(chest_data: Path, tmp_path: Path) -> None:
    rows = read_rows(chest_data, Modality.CXR)
    pixels = [read_pixels(chest_data / row.path) for row in rows[:: len(rows) // 4]]
    values = np.stack([interpolate(each, (SIDE, SIDE)) for each in pixels])[..., np.newaxis]
    opened = open_network(flattened(stripes_network(), "Sigmoid").data(), None, None)
    expected = covid_by_hand(pixels)
    assert 1 - opened.answers(np.repeat(values, 3, axis=3))[:, 0] == pytest.approx(expected, abs=1e-5)

    head = take_apart(opened.model, are_logits=False)
    labels = importer.read_labels(head.ending, head.outputs, ("covid", "normal"), "covid", "normal")
    model = served_model(opened, head.as_served(labels), importer.find_scaling("unit", 3))
    from ml.serving.engine import import_openvino

    import_openvino().save_model(model, tmp_path / NETWORK, compress_to_fp16=False)
    said = proof.probabilities(proof.written(tmp_path), values)
    assert said[:, 0] == pytest.approx(expected, abs=1e-5)
    both = np.stack([expected, 1 - expected], axis=1)
    assert proof.compare_with_file(proof.written(tmp_path), values, both).difference <= 1e-5
    with pytest.raises(ValueError, match="differs from the file's"):
        proof.compare_with_file(proof.written(tmp_path), values, both[:, ::-1])


REFUSED = [
    ({"output": "softmax"}, "ends with a sigmoid, not with a softmax"),
    ({"output": "logits"}, "are no logits"),
    ({"layout": "nhwc"}, "Leave --layout out"),
    ({"size": "64x64"}, "Leave --size out"),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_what_was_said_of_the_file_has_to_fit_it(
    changes: dict[str, str],
    sentence: str,
    network: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(import_options(network, data, tmp_path, **changes)) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_a_file_that_breaks_or_delays_the_parser_is_a_sentence(
    network: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    crashing = tmp_path / "crashing.onnx"
    crashing.write_bytes(CRASHES)
    assert main(import_options(crashing, data, tmp_path / "weights")) == 2
    first = capsys.readouterr().err
    monkeypatch.setattr(reading, "SECONDS", 0.0)
    assert main(import_options(network, data, tmp_path / "weights")) == 2
    second = capsys.readouterr().err
    assert "crashing.onnx broke the process that reads it" in first or "OpenVINO cannot read the network" in first
    assert "network.onnx took longer than 0 seconds and was stopped" in second
    assert "Traceback" not in first + second
    assert not (tmp_path / "weights").exists()


def test_a_bundle_that_answers_otherwise_than_its_file_is_refused(
    network: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here the weights are damaged while they are written."""
    write = Exported.write

    def damage(self: Exported, folder: Path, *more: object) -> None:
        write(self, folder, *more)  # type: ignore[arg-type]
        weights = np.frombuffer((folder / WEIGHTS).read_bytes(), np.float32) * np.float32(1.01)
        (folder / WEIGHTS).write_bytes(weights.tobytes())

    monkeypatch.setattr(Exported, "write", damage)
    assert main(import_options(network, data, tmp_path)) == 2
    assert "differs from the file's by" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_network_that_cannot_take_several_images_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Studies are answered in batches; a shape written for one image would end each of them."""
    from tests.unit.ml.onnx.files import node

    one = flattened(stripes_network(), "Sigmoid")
    again = node("Reshape", ["half", "sizes of one"], "halves")
    nodes = [each.replace(b"\x0a\x04half", b"\x0a\x06halves") for each in one.nodes]
    place = next(index for index, each in enumerate(nodes) if b"\x12\x04half" in each)
    sizes = {"sizes of one": np.array([1, 6, 15, 15])}
    fixed = Network([*nodes[: place + 1], again, *nodes[place + 1 :]], {**one.initializers, **sizes})
    path = fixed.write(tmp_path / "network.onnx")
    assert main(import_options(path, data, tmp_path / "weights")) == 2
    assert "cannot be given several" in capsys.readouterr().err
    assert not (tmp_path / "weights").exists()
