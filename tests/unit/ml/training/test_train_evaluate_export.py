"""The whole road, on a network small enough to train in a test: train, resume, evaluate, export, serve."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="Keras is only needed to train")
pytest.importorskip("openvino", reason="OpenVINO serves what was trained")

import keras

from ml import architectures
from ml.__main__ import main
from ml.serving import BundleRefused, Classifier, load
from ml.serving.bundle import WEIGHTS, digest, read_bundle
from ml.spec import Modality
from ml.training.convert.conversion import ConversionFailed, convert
from ml.training.data.datasets import TrainingBatches, read_pixels
from ml.training.data.datasets import load as load_images
from ml.training.data.manifest import read_rows
from ml.training.data.sampler import Sampler
from ml.training.fit.finished_run import FinishedRun
from ml.training.fit.trunk_file import Origin, write_trunk
from ml.training.measure.calibration import Calibration
from ml.training.measure.evaluation import PAPERS
from ml.training.measure.predictions import read_predictions
from ml.training.measure.report import controls, measure
from ml.training.modalities import LABELS
from ml.training.publish import recipes
from ml.training.publish.combine import combine
from tests.unit.ml.training.members import store_member
from tests.unit.ml.training.rows import write_data
from tests.unit.ml.training.tiny import SIDE, tiny_architecture

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"), each=40)


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    with tiny_architecture():
        yield


def train(data: Path, out: Path, *more: str, sizes: str = "24:2,32:8") -> int:
    options = ["--modality", "cxr", "--architecture", "tiny", "--batch", "4", "--precision", "float32"]
    return main(["train", *options, "--data", str(data), "--out", str(out), "--sizes", sizes, *more])


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained and evaluated run."""
    folder = tmp_path_factory.mktemp("run")
    assert train(data, folder) == 0
    assert main(["evaluate", "--data", str(data), "--run", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def root(run: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bundles with the run in it."""
    root = tmp_path_factory.mktemp("weights")
    assert main(["export", "--data", str(data), "--run", str(run), "--root", str(root), "--version", "1.0.0"]) == 0
    return root


@pytest.fixture(scope="module")
def classifier(root: Path) -> Classifier:
    (classifier,) = load(root, Modality.CXR)
    return classifier


def history(run: Path) -> list[dict[str, str]]:
    with (run / "history.csv").open() as lines:
        return list(csv.DictReader(lines))


def test_training_learns_and_leaves_its_papers(run: Path) -> None:
    epochs = history(run)
    assert [int(each["epoch"]) for each in epochs] == list(range(1, 11))
    assert [int(each["side"]) for each in epochs] == [24] * 2 + [32] * 8
    assert float(epochs[-1]["val_auc"]) > 0.9
    assert float(epochs[-1]["val_loss"]) < float(epochs[0]["val_loss"])
    for name in ("contact-sheet.png", "history.png", "layers.txt", "evaluation.png"):
        assert (run / name).stat().st_size > 500


def test_an_interrupted_run_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    """Stopped after one of two epochs; the second start trains the second epoch only, a third start none."""
    assert train(data, tmp_path, sizes="32:1") == 0
    first = history(tmp_path)
    assert train(data, tmp_path, sizes="32:2") == 0
    both = history(tmp_path)
    assert both[:1] == first
    assert [each["epoch"] for each in both] == ["1", "2"]
    assert json.loads((tmp_path / "state.json").read_text())["epoch"] == 2
    assert train(data, tmp_path, sizes="32:2") == 0
    assert history(tmp_path) == both


def test_a_run_can_start_from_another_one(data: Path, run: Path, tmp_path: Path) -> None:
    assert train(data, tmp_path, "--weights", str(run / "best.weights.h5"), sizes="32:1") == 0
    assert float(history(tmp_path)[0]["val_loss"]) < float(history(run)[0]["val_loss"])


def test_one_command_makes_what_is_missing_and_leaves_the_rest(data: Path, tmp_path: Path) -> None:
    """A narrow network, ready to serve; the second call finds it and trains nothing."""
    recipe = recipes.Recipe("tiny", Modality.CXR, "24:1,32:2", width=2, batch=4)
    made = recipes.make(data, tmp_path / "runs", tmp_path / "weights", [recipe], version="1.0.0")
    bundle = next(made)
    assert read_bundle(bundle).spec.width == 2
    assert [each.spec.name for each in load(tmp_path / "weights", Modality.CXR)] == ["tiny-cxr"]
    shutil.rmtree(tmp_path / "runs")
    assert next(recipes.make(data, tmp_path / "runs", tmp_path / "weights", [recipe], version="1.0.0")) == bundle
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_another_run_is_refused(
    data: Path, run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copy(run / "plan.json", tmp_path)
    options = ["--modality", "cxr", "--architecture", "vgg16", "--data", str(data), "--out", str(tmp_path)]
    assert main(["train", *options]) == 2
    assert "Choose another folder" in capsys.readouterr().err


def test_batches_are_balanced_and_repeat_themselves(data: Path) -> None:
    rows = [row for row in read_rows(data, Modality.CXR) if row.label != "covid" or int(row.path[6:-4]) < 8]
    images = load_images(data, rows, LABELS[Modality.CXR], size=(SIDE, SIDE), recipe="cxr-1")
    first, second = (
        TrainingBatches(images, Sampler.over(rows, images.labels), batch=8, seed=1, first_epoch=3) for _ in range(2)
    )
    pixels = first[0][0]
    assert pixels.shape == (8, SIDE, SIDE, 1)
    assert all(np.array_equal(one, other) for one, other in zip(first[0], second[0], strict=True))
    drawn = np.bincount(images.labels[first.order])
    assert drawn.tolist() == [8, 16, 16]
    totals = drawn * np.array([first.weights[label] for label in range(3)])
    assert totals == pytest.approx([totals[0]] * 3)
    first.on_epoch_end()
    assert not np.array_equal(first[0][0], pixels)


def test_the_report_names_its_data_and_its_intervals(run: Path) -> None:
    report = json.loads((run / "metrics.json").read_text())
    assert report["measured_on"].startswith("the test part (24 images")
    assert report["support"] == {"covid": 8, "pneumonia": 8, "normal": 8}
    for estimate in report["estimates"].values():
        assert 0 <= estimate["low"] <= estimate["value"] <= estimate["high"] <= 1
    assert {"auc_within/one", "auc_within/two"} <= set(report["estimates"])
    assert set(report["controls"]) == {"border_pixels", "lungs_blacked_out"}
    assert report["agreement_with_keras"]["exact"] <= 1e-4
    assert report["agreement_with_keras"]["fast"] <= 2e-2


def test_predictions_give_the_reported_accuracy_back(run: Path) -> None:
    with (run / "predictions.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["part"] == "test"]
    assert set(rows[0]) == {"part", "path", "label", "source", "group", "covid", "pneumonia", "normal"}
    right = [max(LABELS[Modality.CXR], key=lambda name: float(row[name])) == row["label"] for row in rows]
    report = json.loads((run / "metrics.json").read_text())
    assert np.mean(right) == pytest.approx(report["estimates"]["accuracy"]["value"], abs=1e-3)


def test_the_bundle_carries_its_card(root: Path) -> None:
    card = (root / "tiny-cxr" / "1.0.0" / "CARD.md").read_text()
    spec = read_bundle(root / "tiny-cxr" / "1.0.0").spec
    for text in (spec.weights_sha256, spec.must_not_use, "Decision support, not a diagnosis", "one: "):
        assert text in card
    assert "{" not in card


def test_the_report_can_be_had_again_from_the_bundle(root: Path) -> None:
    folder = root / "tiny-cxr" / "1.0.0"
    report, spec = json.loads((folder / "metrics.json").read_text()), read_bundle(folder).spec
    scored, point = read_predictions(folder / "predictions.csv")["test"], spec.operating_point
    again = measure(scored, Calibration(spec.temperature, point.threshold, point.positive_from), "test")
    assert again == {name: report[name] for name in again}
    assert controls(folder, "test") == report["controls"]
    assert spec.metrics["indeterminate"] == report["zones"]["indeterminate"]
    for paper in PAPERS:
        assert (folder / paper).stat().st_size > 500


def test_a_released_version_is_never_overwritten(
    run: Path, data: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", str(data), "--run", str(run), "--root", str(root), "--version", "1.0.0"]
    assert main(["export", *options]) == 2
    assert "Choose a new version" in capsys.readouterr().err


def export(run: Path, data: Path, root: Path, *more: str) -> int:
    return main(["export", "--data", str(data), "--run", str(run), "--root", str(root), *more])


def test_a_new_name_stands_beside_what_answers_and_a_higher_version_silences_it(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An ensemble speaks with the versions it was measured with; where one is replaced, the export says so."""
    for name in ("tiny-cxr", "vgg16-cxr"):
        store_member(tmp_path, name, version="2.0.0")
    combine(tmp_path, Modality.CXR, version="2.0.0")
    assert export(run, data, tmp_path, "--version", "1.0.0") == 2
    assert "tiny-cxr/2.0.0 is newer than 1.0.0. Give --name, such as clinic-tiny-cxr" in capsys.readouterr().err
    assert export(run, data, tmp_path, "--version", "1.0.0", "--name", "clinic-tiny-cxr", "--licence", "Ours.") == 0
    assert "silent" not in capsys.readouterr().err
    spec = read_bundle(tmp_path / "clinic-tiny-cxr" / "1.0.0").spec
    assert (spec.identity, spec.licence) == ("clinic-tiny-cxr/1.0.0", "Ours.")
    assert export(run, data, tmp_path, "--version", "2.1.0") == 0
    assert "panel-cxr/2.0.0 was measured with tiny-cxr/2.0.0, and is silent" in capsys.readouterr().err


@pytest.mark.parametrize("more", [("--version", "1.0"), ("--version", "1.0.0", "--name", "../Clinic")])
def test_a_name_or_version_of_another_form_is_refused(
    more: tuple[str, ...], run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(run, data, tmp_path / "weights", *more) == 2
    assert "Choose others" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_sources_of_the_weights_that_a_run_started_from_are_named_too(
    run: Path, root: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "run")
    plan = json.loads((run / "plan.json").read_text()) | {"weights": "other/best.weights.h5"}
    (tmp_path / "run" / "plan.json").write_text(json.dumps(plan))
    options = ["--data", str(data), "--run", str(tmp_path / "run"), "--root", str(tmp_path), "--version", "2.0.0"]
    assert main(["export", *options]) == 2
    assert "--after" in capsys.readouterr().err
    assert main(["export", *options, "--after", str(root / "tiny-cxr" / "1.0.0"), "--note", "It fails on tables."]) == 0
    assert "- It fails on tables." in (tmp_path / "tiny-cxr" / "2.0.0" / "CARD.md").read_text()
    sources = read_bundle(tmp_path / "tiny-cxr" / "2.0.0").spec.trained_on
    assert any(source.startswith("through tiny-cxr/1.0.0: one:") for source in sources)


@pytest.mark.parametrize("terms", ["MIT", ""])
def test_a_pretrained_trunk_is_named_and_ships_only_with_stated_terms(
    terms: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keras.utils.set_random_seed(5)
    trunk = architectures.backbone_of(architectures.build("tiny", classes=1))
    origin = Origin("tiny without its head", "a package 1.0", "inside.onnx", "ab" * 32, terms, "Little is known.")
    write_trunk(tmp_path / "trunk.h5", trunk, origin)
    run, root = tmp_path / "run", tmp_path / "weights"
    assert train(data, run, "--weights", str(tmp_path / "trunk.h5"), sizes="32:1") == 0
    # The run says it itself, also where the file is gone
    (tmp_path / "trunk.h5").unlink()
    assert main(["evaluate", "--data", str(data), "--run", str(run)]) == 0
    options = ["--data", str(data), "--run", str(run), "--root", str(root), "--version", "1.0.0"]
    assert main(["export", *options]) == (0 if terms else 2)
    if not terms:
        assert "not given away: pretrained: tiny without its head, from a package 1.0" in capsys.readouterr().err
        assert not root.exists()
        return
    assert origin.sentence() in read_bundle(root / "tiny-cxr" / "1.0.0").spec.trained_on
    card = (root / "tiny-cxr" / "1.0.0" / "CARD.md").read_text()
    assert "Started from a pretrained trunk" in card
    assert origin.sentence() in card


def test_an_unevaluated_run_is_not_exported(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", str(data), "--run", str(tmp_path), "--root", str(tmp_path), "--version", "1.0.0"]
    assert main(["export", *options]) == 2
    assert "python -m ml train first" in capsys.readouterr().err


def test_serving_gives_what_keras_gives(run: Path, data: Path, classifier: Classifier) -> None:
    trained = FinishedRun.read(run)
    model = trained.model()
    images = load_images(data, read_rows(data, Modality.CXR)[:6], trained.labels, size=trained.size, recipe="cxr-1")
    for index, row in enumerate(images.rows):
        pixels = read_pixels(data / row.path)
        served = classifier.predict(pixels)
        prepared = (images.grey[index].astype(np.float32) / 255.0)[np.newaxis]
        normal = (prepared - prepared.mean()) / prepared.std()
        logits = np.asarray(model(normal[..., np.newaxis]))[0] / classifier.spec.temperature
        expected = np.exp(logits) / np.exp(logits).sum()
        assert list(served.probabilities.values()) == pytest.approx(expected.tolist(), abs=0.08)


def test_a_classification_keeps_its_promises(data: Path, classifier: Classifier) -> None:
    point = classifier.spec.operating_point
    for row in read_rows(data, Modality.CXR)[::12]:
        said = classifier.predict(read_pixels(data / row.path))
        assert sum(said.probabilities.values()) == pytest.approx(1.0)
        assert said.label == max(said.probabilities, key=lambda name: said.probabilities[name])
        assert said.positive == (said.probabilities["covid"] >= point.threshold)
        assert said.attention_label == ("covid" if said.positive else said.label)
        assert said.attention.dtype == np.float32
        assert said.attention.min() >= 0
        assert said.attention.max() <= 1
        assert said.milliseconds > 0


def test_attention_changes_when_the_weights_are_random(run: Path, data: Path, classifier: Classifier) -> None:
    trained = FinishedRun.read(run)
    pixels = read_pixels(data / read_rows(data, Modality.CXR)[0].path)
    values = np.random.default_rng(0).standard_normal((4, SIDE, SIDE, 1)).astype(np.float32)
    untrained = architectures.build("tiny", 3, size=trained.size)
    learned, random = (
        np.asarray(architectures.with_maps(model)(values)["maps"]) for model in (trained.model(), untrained)
    )
    assert np.isfinite(learned).all()
    assert abs(np.corrcoef(learned.ravel(), random.ravel())[0, 1]) < 0.9
    assert np.isfinite(classifier.predict(pixels).attention).all()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((8, 8, 3), dtype=np.float32),
        np.zeros((8, 8), dtype=np.float64),
        np.full((8, 8), np.nan, dtype=np.float32),
    ],
)
def test_pixels_of_another_kind_are_an_error(classifier: Classifier, pixels: Any) -> None:
    with pytest.raises(ValueError, match="finite float32"):
        classifier.predict(pixels)


def test_a_classifier_is_loaded_once_in_a_process(root: Path) -> None:
    assert load(root, Modality.CXR) is load(root, Modality.CXR)
    assert load(root, Modality.CT) == ()


def test_changed_weights_are_refused(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "weights")
    weights = tmp_path / "weights" / "tiny-cxr" / "1.0.0" / WEIGHTS
    changed = bytearray(weights.read_bytes())
    changed[len(changed) // 2] ^= 1
    weights.write_bytes(changed)
    with pytest.raises(BundleRefused, match="SHA-256"):
        load(tmp_path / "weights", Modality.CXR)


def test_missing_weights_are_refused(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "weights")
    (tmp_path / "weights" / "tiny-cxr" / "1.0.0" / WEIGHTS).unlink()
    with pytest.raises(BundleRefused, match="cannot be read"):
        load(tmp_path / "weights", Modality.CXR)


def test_the_checksum_is_over_network_and_weights() -> None:
    # printf 'ab' | sha256sum
    assert digest(b"a", b"b") == "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"


def test_a_network_that_says_something_else_is_not_shipped(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The served maps come from the head; a head that was changed on the way must be noticed."""
    model = FinishedRun.read(run).model()
    other = architectures.build("tiny", 3, size=(SIDE, SIDE))
    monkeypatch.setattr(architectures, "with_maps", lambda _: _maps_of(other))
    with pytest.raises(ConversionFailed, match="differs from Keras"):
        convert(model, tmp_path, np.random.default_rng(0).standard_normal((3, SIDE, SIDE, 1)).astype(np.float32) * 3)


_maps_of = architectures.with_maps
