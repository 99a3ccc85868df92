"""Calibrate an imported network and measure it on labelled images of the person who imports it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ml.importing.refusal import ImportRefused, require
from ml.preprocessing import Pixels, Size, prepare
from ml.probability import softmax
from ml.serving.engine import Network
from ml.spec import Modality
from ml.training.data.datasets import read_pixels
from ml.training.data.manifest import label_indices, read_rows
from ml.training.data.split import Part, Parts, split
from ml.training.measure import figures
from ml.training.measure.calibration import Calibration, calibrate
from ml.training.measure.controls import black_out_lungs, border_scores, score_rows
from ml.training.measure.curves import curves, write_curves
from ml.training.measure.predictions import (
    BORDER_PIXELS,
    LUNGS_BLACKED_OUT,
    PREDICTIONS,
    read_predictions,
    write_predictions,
)
from ml.training.measure.report import REPORT, controls, measure
from ml.training.scored_images import ScoredImages

# With fewer, even a network that is always right has a sensitivity whose interval begins below 0.69.
LEAST_GROUPS = 10
# Half of each kind to measure on, and all that is left to calibrate on
HALVES = ((Part.TEST, 0.5), (Part.VALIDATION, 1.0))
OF_THE_IMPORT = "of the labelled images given at the import"
MAYBE_SEEN = "; whether the network was trained on some of them is not known"


@dataclass(frozen=True)
class Bench:
    """An imported network and the labelled images to measure it on. `labels` as served, the positive one first."""

    network: Network
    labels: tuple[str, ...]
    size: Size
    recipe: str
    data: Path
    parts: Parts

    def logits(self, part: Part, change: Callable[[Pixels], Pixels] | None = None) -> Pixels:
        """Logits float32 (n, classes) for a part, each image changed first if asked.

        Raises ImportRefused where an image makes the network answer with no finite number.
        """
        rows = tqdm(self.parts[part], desc=part.value, unit="image")
        logits = np.stack([self._infer(read_pixels(self.data / row.path), change) for row in rows])
        for row, said in zip(self.parts[part], logits, strict=True):
            require(bool(np.isfinite(said).all()), f"About {row.path} the network says something that is no number.")
        return logits

    def _infer(self, pixels: Pixels, change: Callable[[Pixels], Pixels] | None) -> Pixels:
        prepared = prepare(change(pixels) if change else pixels, self.size, self.recipe)
        return self.network.infer(prepared.values)[0]


def labelled_parts(data: Path, modality: Modality, labels: tuple[str, ...]) -> Parts:
    """The images of a folder with manifest.csv that carry one of the labels, halved by group.

    Raises FileNotFoundError or ValueError as `read_rows` does, and ImportRefused when there are too few.
    """
    parts = split(read_rows(data, modality, labels=labels), shares=HALVES)
    for part in (Part.VALIDATION, Part.TEST):
        for label in labels:
            groups = {row.group for row in parts[part] if row.label == label}
            if len(groups) < LEAST_GROUPS:
                raise ImportRefused(
                    f"{data} has too few {label} images: half of them are {len(groups)} groups (patients), and a "
                    f"sensitivity or specificity needs {LEAST_GROUPS} in each half. A network without measured "
                    "numbers is not imported."
                )
    return parts


def measure_on(bench: Bench, folder: Path, *, maybe_seen: bool) -> dict[str, Any]:
    """Write metrics.json, predictions.csv and the other papers of a bundle into `folder`; return the metrics.

    Temperature and zones are chosen on one half, every number is of the other.
    """
    calibration = _write_predictions(bench, folder)
    scored = read_predictions(folder / PREDICTIONS)[Part.TEST]
    report = _named(measure(scored, calibration, Part.TEST.value), maybe_seen) | {
        "images": {part.value: len(rows) for part, rows in bench.parts.items() if rows},
        "groups": {part.value: len({row.group for row in rows}) for part, rows in bench.parts.items() if rows},
        "controls": controls(folder, Part.TEST),
    }
    drawn = curves(scored)
    write_curves(folder, drawn)
    figures.draw_evaluation(folder, scored, drawn)
    return report


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """Write metrics.json."""
    (folder / REPORT).write_text(json.dumps(report, indent=2) + "\n")


def _write_predictions(bench: Bench, folder: Path) -> Calibration:
    logits = {part: bench.logits(part) for part in (Part.VALIDATION, Part.TEST)}
    calibration = calibrate(logits[Part.VALIDATION], label_indices(bench.parts[Part.VALIDATION], bench.labels))
    blind = bench.logits(Part.TEST, black_out_lungs)
    said: dict[str, ScoredImages] = {part: _scored(bench, part, values, calibration) for part, values in logits.items()}
    write_predictions(folder / PREDICTIONS, said)
    write_predictions(folder / LUNGS_BLACKED_OUT, {Part.TEST: _scored(bench, Part.TEST, blind, calibration)})
    border = border_scores(bench.data, bench.parts[Part.VALIDATION], bench.parts[Part.TEST], bench.labels)
    write_predictions(folder / BORDER_PIXELS, {Part.TEST: border})
    return calibration


def _scored(bench: Bench, part: Part, logits: Pixels, calibration: Calibration) -> ScoredImages:
    return score_rows(bench.parts[part], bench.labels, softmax(logits, calibration.temperature))


def _named(report: dict[str, Any], maybe_seen: bool) -> dict[str, Any]:
    """Say wherever a number is quoted whose images it was measured on."""
    whose = f" {OF_THE_IMPORT}{MAYBE_SEEN if maybe_seen else ''}"
    point = report["operating_point"]
    return report | {
        "measured_on": report["measured_on"] + whose,
        "operating_point": point | {"measured_on": point["measured_on"] + whose},
    }
