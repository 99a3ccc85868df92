"""Every classifier that ships keeps the promises of its spec, its card and its stored predictions."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("openvino", reason="OpenVINO serves the classifiers")

import ml
from ml.preprocessing import Pixels
from ml.serving import Classifier, load
from ml.serving.bundle import read_bundle
from ml.spec import ClassifierSpec, Modality
from ml.training.data.questions import are_of
from ml.training.measure.report import on_part

ROOT = Path(ml.__file__).parent / "weights"
FOLDERS = sorted(path.parent for path in ROOT.glob("*/*/spec.json"))
LARGEST_FILE, LARGEST_TOTAL = 25 * 1024**2, 250 * 1024**2
SAMPLED = 60
# Processors differ in the fast precision they have; see docs/adr/0202
TOLERANCE = 0.05
every_bundle = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")


def classifier_of(folder: Path) -> Classifier:
    """That of the folder itself: an earlier version stays beside the newest one."""
    return Classifier.from_bundle(read_bundle(folder))


def predictions(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open() as lines:
        return [row for row in csv.DictReader(lines) if row["part"] == "test"]


def read(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)


def chest_like(height: int, width: int) -> Pixels:
    """Two dark fields in a bright body: enough to run a classifier, no image of a person."""
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    lungs = np.minimum(np.hypot(down, (across - 0.45) * 2), np.hypot(down, (across + 0.45) * 2)) < 0.7
    return np.where(lungs, 0.2, 0.8).astype(np.float32)


def test_chest_x_ray_has_a_classifier() -> None:
    assert [each.spec.name for each in load(ROOT, Modality.CXR)]


def test_all_bundles_together_stay_small() -> None:
    sizes = [path.stat().st_size for path in ROOT.rglob("*") if path.is_file()]
    assert max(sizes) <= LARGEST_FILE
    assert sum(sizes) <= LARGEST_TOTAL


@every_bundle
def test_it_loads_and_answers_in_the_frame_of_the_image(folder: Path) -> None:
    said = classifier_of(folder).predict(chest_like(600, 450))
    assert sum(said.probabilities.values()) == pytest.approx(1.0)
    assert tuple(said.probabilities) == read_bundle(folder).spec.labels
    assert said.attention.shape == (224, 168)
    assert np.isfinite(said.attention).all()


@every_bundle
def test_its_spec_quotes_its_report(folder: Path) -> None:
    spec: ClassifierSpec = read_bundle(folder).spec
    report = json.loads((folder / "metrics.json").read_text())
    assert spec.operating_point.threshold == report["operating_point"]["threshold"]
    assert spec.operating_point.sensitivity.value == report["operating_point"]["sensitivity"]["value"]
    domains = spec.operating_point.domains
    assert spec.operating_point.measured_on == on_part("test", domains, "abnormal lungs")
    assert all(domain in spec.operating_point.measured_on for domain in domains)
    # Bounds that some places alone chose are measured there, and the page that quotes the zones can say so
    assert spec.metrics.get("zones_measured_on") == (spec.operating_point.measured_on if domains else None)
    assert (f"auc/{spec.operating_point.positive_label}/domains" in spec.metrics) == bool(domains)
    for name, estimate in report["estimates"].items():
        assert spec.metrics.get(name, estimate) == estimate


@every_bundle
def test_its_numbers_follow_from_its_predictions(folder: Path) -> None:
    spec, rows = read_bundle(folder).spec, predictions(folder)
    truth = [row["label"] for row in rows]
    said = [max(spec.labels, key=lambda name: float(row[name])) for row in rows]
    report = json.loads((folder / "metrics.json").read_text())["estimates"]
    assert np.mean([one == other for one, other in zip(truth, said, strict=True)]) == pytest.approx(
        report["accuracy"]["value"], abs=5e-3
    )
    positive, domains = spec.operating_point.positive_label, spec.operating_point.domains
    home = are_of([row["source"] for row in rows], domains) if domains else [True] * len(rows)
    called = [
        float(row[positive]) >= spec.operating_point.threshold
        for row, label, counts in zip(rows, truth, home, strict=True)
        if label == positive and counts
    ]
    assert np.mean(called) == pytest.approx(spec.operating_point.sensitivity.value, abs=5e-3)


@every_bundle
def test_its_card_says_what_it_is_worth(folder: Path) -> None:
    card, spec = (folder / "CARD.md").read_text(), read_bundle(folder).spec
    for text in (spec.weights_sha256, spec.must_not_use, "Decision support, not a diagnosis", "border pixels alone"):
        assert text in card
    for source in spec.trained_on:
        assert source in card


@every_bundle
def test_real_images_get_the_stored_probabilities(folder: Path, chest_data: Path) -> None:
    rows = predictions(folder)
    rows = rows[:: max(1, len(rows) // SAMPLED)]
    classifier = classifier_of(folder)
    for row in rows:
        said = classifier.predict(read(chest_data / row["path"])).probabilities
        assert list(said.values()) == pytest.approx([float(row[name]) for name in said], abs=TOLERANCE), row["path"]
