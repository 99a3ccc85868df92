"""Classifiers that were never trained: specs and made-up predictions, as an export would leave them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.spec import ClassifierSpec, Modality
from ml.training.measure.calibration import Calibration
from ml.training.measure.predictions import BORDER_PIXELS, LUNGS_BLACKED_OUT, PREDICTIONS, write_predictions
from ml.training.measure.report import REPORT, controls, measure, operating_point
from ml.training.scored_images import ScoredImages
from tests.unit.ml.specs import SPEC

LABELS = SPEC.labels
# What questions.calibrate says of bounds beside them
AT_HOME: dict[str, Any] = {
    "domains": ("ieee8023",),
    "kind": "abnormal lungs",
    "chosen_on": {
        "threshold": {"images": 38, "groups": 28, "missed": 1},
        "positive_from": {"images": 19, "groups": 12, "missed": 0},
    },
}


def images(count: int, *, part: str) -> ScoredImages:
    """Images in groups of two, whose labels and sources take turns; probabilities still say nothing."""
    numbers = np.arange(count)
    return ScoredImages(
        LABELS,
        np.full((count, 3), 1 / 3),
        numbers // 2 % 3,
        np.where(numbers // 2 % 2, "one", "two"),
        np.array([f"{part}-{number // 2}" for number in numbers]),
        np.array([f"{part}/{number}.jpg" for number in numbers]),
    )


def at_real_places(what: ScoredImages) -> ScoredImages:
    """The same images from places that can answer a question about them, which take turns by group."""
    places = {0: ("ieee8023",), 1: ("rsna-opacity", "shenzhen", "ieee8023"), 2: ("rsna", "shenzhen")}
    turns = np.arange(len(what.labels)) // 6
    named = [places[label][turn % len(places[label])] for label, turn in zip(what.labels.tolist(), turns, strict=True)]
    return replace(what, sources=np.array(named))


def answered(what: ScoredImages, *, seed: int, skill: float) -> ScoredImages:
    """Answers as good as `skill`: 0 guesses."""
    powers = np.random.default_rng(seed).standard_normal((len(what.labels), 3)) + skill * np.eye(3)[what.labels]
    return what.saying(np.exp(powers) / np.exp(powers).sum(axis=1, keepdims=True))


def store_member(
    root: Path,
    name: str,
    *,
    seed: int = 0,
    skill: float = 2.0,
    count: int = 60,
    version: str = "1.0.0",
    asked: bool = False,
) -> ClassifierSpec:
    """A bundle without weights in `root`: spec, predictions, controls and report; `asked` as one taught questions."""
    folder = root / name / version
    folder.mkdir(parents=True)
    parts = {part: images(count, part=part) for part in ("validation", "test")}
    if asked:
        parts = {part: at_real_places(what) for part, what in parts.items()}
    said = {part: answered(what, seed=seed + index, skill=skill) for index, (part, what) in enumerate(parts.items())}
    write_predictions(folder / PREDICTIONS, said)
    write_predictions(folder / LUNGS_BLACKED_OUT, {"test": answered(parts["test"], seed=seed + 2, skill=0.0)})
    write_predictions(folder / BORDER_PIXELS, {"test": answered(parts["test"], seed=99, skill=0.5)})
    calibration = replace(Calibration(1.0, 0.2, 0.5), **AT_HOME) if asked else Calibration(1.0, 0.2, 0.5)
    report = {**measure(said["test"], calibration, "test"), "controls": controls(folder, "test")}
    (folder / REPORT).write_text(json.dumps(report | ({"questions": {}} if asked else {})))
    (folder / "CARD.md").write_text(f"# {name}\n")
    spec = replace(SPEC, name=name, version=version, modality=Modality.CXR, operating_point=operating_point(report))
    (folder / "spec.json").write_text(spec.to_json())
    return spec
