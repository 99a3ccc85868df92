"""The whole way of a file: import it, serve it, and read what its bundle says."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train and to import")
pytest.importorskip("openvino", reason="OpenVINO serves what was imported")

from ml.__main__ import main
from ml.preprocessing import interpolate
from ml.serving import Classifier, load
from ml.serving.bundle import SPEC, read_bundle
from ml.spec import Modality, Precision
from ml.training.data.datasets import read_pixels
from ml.training.data.manifest import Row, read_rows
from tests.unit.ml.import_options import NAME, import_options
from tests.unit.ml.keras2.files import SIDE, answers, nested, stored_nested, stripes_network
from tests.unit.ml.training.rows import write_data

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty images a label in groups of two; the network knows covid and normal."""
    return write_data(tmp_path_factory.mktemp("data"), each=40)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sequential[backbone, Flatten, Dense, Dropout, Dense(sigmoid)], whose 1 means normal."""
    stored = stored_nested(stripes_network(), nested([4, 1], "sigmoid"))
    return stored.write(tmp_path_factory.mktemp("network") / "network.h5")


def colours(data: Path, rows: list[Row]) -> np.ndarray:
    grey = np.stack([interpolate(read_pixels(data / row.path), (SIDE, SIDE)) for row in rows])
    return np.repeat(grey[..., np.newaxis], 3, axis=3)


def old_answers(data: Path, rows: list[Row]) -> np.ndarray:
    """Probability of covid, worked out without Keras."""
    return 1.0 - answers(stripes_network(), colours(data, rows), ending="sigmoid")[:, 0]


def write_answers(path: Path, data: Path, *, change: float = 0.0) -> Path:
    rows = [row for row in read_rows(data, Modality.CXR) if row.label == "covid"]
    with path.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["path", "covid", "normal"])
        for row, covid in zip(rows, old_answers(data, rows), strict=True):
            writer.writerow([f"anywhere/{Path(row.path).name}", covid + change, 1 - covid - change])
    return path


def run(network: Path, data: Path, root: Path, **changes: str) -> int:
    return main(import_options(network, data, root, reference=str(data / "covid"), **changes))


@pytest.fixture(scope="module")
def root(network: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundles with the imported network in it."""
    folder = tmp_path_factory.mktemp("weights")
    said = write_answers(folder / "answers.csv", data)
    assert run(network, data, folder, answers=str(said)) == 0
    return folder


@pytest.fixture(scope="module")
def classifier(root: Path) -> Classifier:
    (classifier,) = load(root, Modality.CXR)
    return classifier


def known(data: Path) -> list[Row]:
    return [row for row in read_rows(data, Modality.CXR) if row.label != "pneumonia"]


def test_it_serves_what_the_old_network_said(classifier: Classifier, data: Path) -> None:
    """Calibration divides the difference of the logits; what was said before it follows by multiplication."""
    rows = known(data)[::8]
    assert classifier.spec.labels == ("covid", "normal")
    assert classifier.spec.precision is Precision.FLOAT32
    for row, covid in zip(rows, old_answers(data, rows), strict=True):
        served = classifier.predict(read_pixels(data / row.path)).probabilities["covid"]
        logit = np.log(served / (1 - served)) * classifier.spec.temperature
        assert 1 / (1 + np.exp(-logit)) == pytest.approx(covid, abs=1e-3)


def test_it_finds_what_it_was_made_to_find(root: Path) -> None:
    point = read_bundle(root / NAME / "1.0.0").spec.operating_point
    assert point.sensitivity.value >= 0.9
    assert point.specificity.value >= 0.9
    assert point.sensitivity.low < 1.0


def test_its_map_shows_the_stripes(classifier: Classifier) -> None:
    """Stripes across the lower half only."""
    pixels = np.full((40, 40), 0.1, dtype=np.float32)
    pixels[20:] += np.float32(0.8) * (np.arange(20) // 4 % 2)[:, np.newaxis].astype(np.float32)
    said = classifier.predict(pixels)
    assert said.label == "covid"
    assert said.attention[24:].mean() > 5 * said.attention[:16].mean()


def test_its_numbers_are_of_the_test_part_and_follow_from_its_predictions(root: Path) -> None:
    bundle = root / NAME / "1.0.0"
    spec, report = read_bundle(bundle).spec, json.loads((bundle / "metrics.json").read_text())
    with (bundle / "predictions.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    groups = {part: {row["group"] for row in rows if row["part"] == part} for part in ("validation", "test")}
    assert not groups["validation"] & groups["test"]
    assert report["groups"] == {part: len(names) for part, names in groups.items()}
    covid = [float(row["covid"]) for row in rows if row["part"] == "test" and row["label"] == "covid"]
    called = np.mean([value >= spec.operating_point.threshold for value in covid])
    assert spec.operating_point.sensitivity.value == pytest.approx(called, abs=1e-4)
    assert set(report["controls"]) == {"border_pixels", "lungs_blacked_out"}
    assert {row["label"] for row in rows} == {"covid", "normal"}


def test_its_papers_say_who_said_what(root: Path) -> None:
    bundle = root / NAME / "1.0.0"
    spec, card = read_bundle(bundle).spec, (bundle / "CARD.md").read_text()
    assert spec.preprocessing == "plain-linear-1"
    assert spec.architecture == "convolutional network of its own kind"
    assert spec.operating_point.measured_on == "the test part of the labelled images given at the import"
    assert "covid, normal only" in spec.must_not_use
    for text in (
        spec.weights_sha256,
        spec.must_not_use,
        "Decision support, not a diagnosis",
        "made up: 40 covid images",
        "The 1 of its sigmoid means normal.",
        "They differ from the answers of the program that it was trained for by at most",
    ):
        assert text in card
    assert "{" not in card


def test_images_that_training_may_have_seen_are_named_wherever_a_number_stands(
    network: Path, data: Path, tmp_path: Path
) -> None:
    assert run(network, data, tmp_path, seen="unknown", resampling="nearest") == 0
    spec = read_bundle(tmp_path / NAME / "1.0.0").spec
    assert "trained on some of them is not known" in spec.operating_point.measured_on
    assert "trained on some of them is not known" in spec.metrics["measured_on"]
    assert spec.preprocessing == "plain-nearest-1"
    assert "were not given, so they were not compared" in (tmp_path / NAME / "1.0.0" / "CARD.md").read_text()


def test_a_bundle_of_other_labels_that_was_imported_before_serves_on(root: Path, tmp_path: Path, data: Path) -> None:
    folder = tmp_path / NAME / "1.0.0"
    shutil.copytree(root / NAME / "1.0.0", folder)
    spec = (folder / SPEC).read_text()
    (folder / SPEC).write_text(spec.replace('"normal"', '"no-finding"'))
    (classifier,) = load(tmp_path, Modality.CXR)
    assert classifier.spec.labels == ("covid", "no-finding")
    normal = next(row for row in read_rows(data, Modality.CXR) if row.label == "normal")
    assert classifier.predict(read_pixels(data / normal.path)).label == "no-finding"


def test_other_answers_than_the_old_ones_are_refused(
    network: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The usual mistake: the meaning of the sigmoid turned round."""
    said = write_answers(tmp_path / "answers.csv", data)
    assert run(network, data, tmp_path / "weights", answers=str(said), one_means="covid") == 2
    assert "Check the order of --labels, --one-means" in capsys.readouterr().err
    assert not (tmp_path / "weights").exists()


def test_a_missing_answer_is_named(
    network: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = tmp_path / "answers.csv"
    said.write_text("path,covid,normal\n0.jpg,0.5,0.5\n")
    assert run(network, data, tmp_path / "weights", answers=str(said)) == 2
    assert "answers.csv has no answer for 1.jpg" in capsys.readouterr().err
