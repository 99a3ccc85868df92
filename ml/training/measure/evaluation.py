"""Measure the network that will serve: calibrate it on the validation part, then look at the test part once."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ml.pooling import weigh_places
from ml.preprocessing import Pixels
from ml.probability import softmax
from ml.serving.bundle import NETWORK, WEIGHTS
from ml.serving.engine import Network
from ml.training.convert.agreement import Agreement
from ml.training.convert.conversion import EightBits, convert
from ml.training.data.datasets import read_prepared
from ml.training.data.manifest import Row, label_indices
from ml.training.data.split import Part
from ml.training.fit.finished_run import FinishedRun
from ml.training.fit.plan import Objective
from ml.training.fit.teaching import teaching_of
from ml.training.measure import figures, questions
from ml.training.measure.calibration import Calibration, calibrate
from ml.training.measure.controls import black_out_lungs, border_scores, score_rows
from ml.training.measure.curves import CURVES, EVALUATION, curves, write_curves
from ml.training.measure.predictions import (
    BORDER_PIXELS,
    LUNGS_BLACKED_OUT,
    PREDICTIONS,
    read_predictions,
    write_predictions,
)
from ml.training.measure.report import REPORT, controls, measure
from ml.training.scored_images import ScoredImages

CALIBRATION_IMAGES = 300
SERVED = "served"
# What a bundle takes over; none of it shows a person.
PAPERS = (REPORT, PREDICTIONS, BORDER_PIXELS, LUNGS_BLACKED_OUT, CURVES, EVALUATION)


@dataclass(frozen=True)
class Bench:
    """Everything an evaluation works with."""

    trained: FinishedRun
    data: Path
    parts: dict[Part, tuple[Row, ...]]
    network: Network

    def logits(self, part: Part, change: Callable[[Pixels], Pixels] | None = None) -> NDArray[np.float32]:
        """Logits float32 (n, classes) of the served network for a part, each image changed first if asked."""
        return np.stack([self._infer(row, change) for row in tqdm(self.parts[part], desc=part.value, unit="image")])

    def _infer(self, row: Row, change: Callable[[Pixels], Pixels] | None) -> NDArray[np.float32]:
        prepared = read_prepared(self.data / row.path, self.trained.size, self.trained.plan.recipe, change)
        return weigh_places(*self.network.infer(prepared.values), prepared.view)[0]

    def scored(self, part: Part, logits: NDArray[np.float32], temperature: float) -> ScoredImages:
        return score_rows(self.parts[part], self.trained.labels, softmax(logits, temperature))


def evaluate(folder: Path, data: Path, *, part: Part = Part.TEST) -> dict[str, Any]:
    """Write served/ and PAPERS into the folder of a run; return the metrics.

    `part` other than the test part is for looking at an unfinished run without using the test part up.
    """
    trained = FinishedRun.read(folder)
    parts = teaching_of(trained.plan).split(data)
    agreement, network = _serve(trained, data, parts)
    bench = Bench(trained, data, parts, network)
    calibration = _write_predictions(bench, part)
    # Measured on what was stored, so that every number can be had again from it
    scored = read_predictions(folder / PREDICTIONS)[part]
    report = _report(bench, part, scored, calibration, agreement) | _questions(bench, part)
    (folder / REPORT).write_text(json.dumps(report, indent=2) + "\n")
    drawn = curves(scored)
    write_curves(folder, drawn)
    figures.draw_evaluation(folder, scored, drawn)
    return report


def _serve(trained: FinishedRun, data: Path, parts: dict[Part, tuple[Row, ...]]) -> tuple[Agreement, Network]:
    """Convert the best weights and return the network as it will be served."""
    validation, train = parts[Part.VALIDATION], parts[Part.TRAIN]
    calibration = _inputs(trained, data, train[:: max(1, len(train) // CALIBRATION_IMAGES)])
    eight_bits = EightBits(label_indices(validation, trained.labels), calibration)
    served = trained.folder / SERVED
    agreement = convert(trained.model(), served, _inputs(trained, data, validation), eight_bits)
    return agreement, Network((served / NETWORK).read_bytes(), (served / WEIGHTS).read_bytes())


def _inputs(trained: FinishedRun, data: Path, rows: tuple[Row, ...]) -> Pixels:
    """What the network reads, float32 (n, h, w, 1)."""
    return np.stack([read_prepared(data / row.path, trained.size, trained.plan.recipe).values for row in rows])


def _write_predictions(bench: Bench, part: Part) -> Calibration:
    """Calibrate on the validation part, then write what the network and the controls say."""
    folder, labels = bench.trained.folder, bench.trained.labels
    logits = bench.logits(Part.VALIDATION)
    calibration = _calibrate(bench, logits)
    said = {each: logits if each is Part.VALIDATION else bench.logits(each) for each in (Part.VALIDATION, part)}
    scored: dict[str, ScoredImages] = {
        each: bench.scored(each, values, calibration.temperature) for each, values in said.items()
    }
    write_predictions(folder / PREDICTIONS, scored)
    blind = bench.scored(part, bench.logits(part, black_out_lungs), calibration.temperature)
    write_predictions(folder / LUNGS_BLACKED_OUT, {part: blind})
    border = border_scores(bench.data, bench.parts[Part.TRAIN], bench.parts[part], labels)
    write_predictions(folder / BORDER_PIXELS, {part: border})
    return calibration


def _calibrate(bench: Bench, logits: NDArray[np.float32]) -> Calibration:
    """By the logits of the validation part: a temperature for what was learnt, zones for the first label."""
    said = bench.scored(Part.VALIDATION, logits, 1.0)
    if bench.trained.plan.objective is Objective.QUESTIONS:
        return questions.calibrate(logits, said)
    return calibrate(logits, said.labels)


def _questions(bench: Bench, part: Part) -> dict[str, Any]:
    """What is known of each question, where the network was taught questions."""
    if bench.trained.plan.objective is not Objective.QUESTIONS:
        return {}
    said = read_predictions(bench.trained.folder / PREDICTIONS)
    return {"questions": questions.report(said[Part.VALIDATION], said[part])}


def _report(
    bench: Bench, part: Part, scored: ScoredImages, calibration: Calibration, agreement: Agreement
) -> dict[str, Any]:
    return {
        **measure(scored, calibration, part.value),
        "training": bench.trained.story(),
        "images": {each.value: len(bench.parts[each]) for each in Part},
        "groups": {each.value: len({row.group for row in bench.parts[each]}) for each in Part},
        "controls": controls(bench.trained.folder, part),
        "agreement_with_keras": asdict(agreement),
    }
