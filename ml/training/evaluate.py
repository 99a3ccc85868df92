"""Measure the network that will serve: calibrate it on the validation part, then look at the test part once."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml.preprocessing import Pixels, prepare
from ml.probability import softmax
from ml.serving.bundle import NETWORK, WEIGHTS
from ml.serving.engine import Network
from ml.spec import Estimate, OperatingPoint
from ml.training import figures
from ml.training.bootstrap import estimates, with_exact_bounds
from ml.training.calibrate import find_temperature, find_threshold
from ml.training.controls import black_out_lungs, border_scores, score_rows
from ml.training.convert import Agreement, convert
from ml.training.datasets import read_pixels
from ml.training.manifest import Row, read_rows
from ml.training.metrics import (
    Measures,
    classification_measures,
    confusion,
    operating_measures,
    within_source_measures,
)
from ml.training.predictions import write_predictions
from ml.training.scored import Scored
from ml.training.split import Part, split
from ml.training.trained import Trained

SENSITIVITY_AIM = 0.95
CHECKED_IMAGES = 64
REPORT, PREDICTIONS, SERVED = "metrics.json", "predictions.csv", "served"


@dataclass(frozen=True)
class Calibration:
    """What the validation part decided."""

    temperature: float
    threshold: float


@dataclass(frozen=True)
class Bench:
    """Everything an evaluation works with."""

    trained: Trained
    data: Path
    parts: dict[Part, tuple[Row, ...]]
    network: Network

    def logits(self, part: Part, change: Callable[[Pixels], Pixels] | None = None) -> NDArray[np.float32]:
        """Logits float32 (n, classes) of the served network for a part, each image changed first if asked."""
        return np.stack([self._infer(row, change) for row in tqdm(self.parts[part], desc=part.value, unit="image")])

    def _infer(self, row: Row, change: Callable[[Pixels], Pixels] | None) -> NDArray[np.float32]:
        pixels = read_pixels(self.data / row.path)
        prepared = prepare(change(pixels) if change else pixels, self.trained.size, self.trained.plan.recipe)
        return self.network.infer(prepared.values)[0]

    def scored(self, part: Part, logits: NDArray[np.float32], temperature: float) -> Scored:
        return score_rows(self.parts[part], self.trained.labels, softmax(logits, temperature))


def evaluate(folder: Path, data: Path, *, part: Part = Part.TEST) -> dict[str, Any]:
    """Write served/, metrics.json, predictions.csv and figures into the folder of a run; return the metrics.

    `part` other than the test part is for looking at an unfinished run without using the test part up.
    """
    trained = Trained.read(folder)
    parts = split(read_rows(data, trained.plan.modality))
    agreement, network = _serve(trained, data, parts[Part.VALIDATION])
    bench = Bench(trained, data, parts, network)
    validation_logits = bench.logits(Part.VALIDATION)
    calibration = _calibrate(bench, validation_logits)
    scored = bench.scored(part, bench.logits(part), calibration.temperature)
    validation = bench.scored(Part.VALIDATION, validation_logits, calibration.temperature)
    report = _report(bench, part, scored, calibration, agreement)
    (folder / REPORT).write_text(json.dumps(report, indent=2) + "\n")
    write_predictions(folder / PREDICTIONS, {Part.VALIDATION: validation, part: scored}, parts)
    figures.draw_evaluation(folder, scored)
    return report


def operating_point(report: dict[str, Any]) -> OperatingPoint:
    """The operating point that a report describes."""
    return OperatingPoint.from_fields(report["operating_point"])


def _serve(trained: Trained, data: Path, rows: tuple[Row, ...]) -> tuple[Agreement, Network]:
    """Convert the best weights and return the network as it will be served."""
    chosen = rows[:: max(1, len(rows) // CHECKED_IMAGES)]
    inputs = [prepare(read_pixels(data / row.path), trained.size, trained.plan.recipe).values for row in chosen]
    served = trained.folder / SERVED
    agreement = convert(trained.model(), served, np.stack(inputs))
    return agreement, Network((served / NETWORK).read_bytes(), (served / WEIGHTS).read_bytes())


def _calibrate(bench: Bench, logits: NDArray[np.float32]) -> Calibration:
    plain = bench.scored(Part.VALIDATION, logits, 1.0)
    temperature = find_temperature(logits, plain.labels)
    scored = bench.scored(Part.VALIDATION, logits, temperature)
    return Calibration(temperature, find_threshold(scored.positive, scored.score, sensitivity=SENSITIVITY_AIM))


def _report(bench: Bench, part: Part, scored: Scored, calibration: Calibration, agreement: Agreement) -> dict[str, Any]:
    measured = estimates(scored, _all_measures)
    return {
        "measured_on": f"the {part.value} part ({len(scored.labels)} images, {len(set(scored.groups))} groups)",
        "labels": list(scored.names),
        "training": bench.trained.story(),
        "images": {each.value: len(bench.parts[each]) for each in Part},
        "groups": {each.value: len({row.group for row in bench.parts[each]}) for each in Part},
        "support": {name: int((scored.labels == index).sum()) for index, name in enumerate(scored.names)},
        "temperature": calibration.temperature,
        "operating_point": _operating_point(part, scored, calibration),
        "estimates": _plain(measured),
        "confusion": confusion(scored).tolist(),
        "controls": _controls(bench, part, calibration.temperature),
        "agreement_with_keras": asdict(agreement),
    }


def _operating_point(part: Part, scored: Scored, calibration: Calibration) -> dict[str, Any]:
    measured = estimates(scored, operating_measures(calibration.threshold))
    sides = {"sensitivity": scored.positive, "specificity": ~scored.positive}
    exact = {name: with_exact_bounds(measured[name], len(set(scored.groups[side]))) for name, side in sides.items()}
    return {
        "positive_label": scored.names[0],
        "threshold": calibration.threshold,
        "chosen_for": f"sensitivity of at least {SENSITIVITY_AIM:.2f} on the validation part",
        "measured_on": f"the {part.value} part",
        **_plain(exact),
    }


def _controls(bench: Bench, part: Part, temperature: float) -> dict[str, Any]:
    """The same measures, told from border pixels and with the lungs blacked out."""
    train, held_out, names = bench.parts[Part.TRAIN], bench.parts[part], bench.trained.labels
    border = border_scores(bench.data, train, held_out, names)
    blind = bench.scored(part, bench.logits(part, black_out_lungs), temperature)
    measure = partial(estimates, measure=_all_measures)
    return {"border_pixels": _plain(measure(border)), "lungs_blacked_out": _plain(measure(blind))}


def _all_measures(scored: Scored) -> Measures:
    return classification_measures(scored) | within_source_measures(scored)


def _plain(measured: dict[str, Estimate]) -> dict[str, Any]:
    return {name: asdict(estimate) for name, estimate in measured.items()}
