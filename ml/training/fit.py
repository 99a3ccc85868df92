"""Train one classifier by a plan. An interrupted run goes on from its last whole epoch."""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import registry
from ml.probability import softmax
from ml.training import datasets, figures
from ml.training.average import WeightAverage
from ml.training.datasets import Images, TrainingBatches
from ml.training.manifest import LABELS, read_rows
from ml.training.metrics import area_under_curve
from ml.training.plan import Phase, Plan
from ml.training.progress import Progress
from ml.training.split import Part, split

WARM_UP_SHARE = 0.05
PREDICT_BATCH = 64
EPSILON = 1e-7
LATEST, BEST, AVERAGE, STATE, HISTORY = "latest.weights.h5", "best.weights.h5", "average.npz", "state.json", "history.csv"


@dataclass
class State:
    """How far a run has come; `best` is the lowest validation loss at the final size so far."""

    epoch: int = 0
    best: float = math.inf
    updates: int = 0


@dataclass
class Run:
    """One training run and its folder."""

    plan: Plan
    data: Path
    out: Path
    state: State = field(default_factory=State)

    def __post_init__(self) -> None:
        self.labels = LABELS[self.plan.modality]
        self.parts = split(read_rows(self.data, self.plan.modality))
        self.model = registry.build(self.plan.architecture, len(self.labels), weights=_backbone_weights(self.plan))
        if self.plan.weights and _backbone_weights(self.plan) is None:
            self.model.load_weights(self.plan.weights, skip_mismatch=True)
        self.average = WeightAverage()

    def images(self, part: Part, side: int) -> Images:
        return datasets.load(
            self.data, self.parts[part], self.labels, size=(side, side), recipe=self.plan.recipe
        )


def train(plan: Plan, data: Path, out: Path) -> None:
    """Train, or go on training, into the folder `out`."""
    keras.mixed_precision.set_global_policy(plan.precision)
    out.mkdir(parents=True, exist_ok=True)
    (out / "plan.json").write_text(json.dumps(plan.to_json(), indent=2))
    run = Run(plan, data, out)
    _describe(run)
    with Progress(plan) as progress:
        for frozen, stage in _stages(plan):
            if stage[-1][1] > _saved_epoch(out):
                _train_stage(run, frozen, stage, progress)
    figures.draw_history(out / HISTORY, out / "history.png")


def _describe(run: Run) -> None:
    """Write what a person wants to look at before a long run: the layers, and images with their variations."""
    with (run.out / "layers.txt").open("w", encoding="utf-8") as text:
        run.model.summary(print_fn=lambda line: print(line, file=text), expand_nested=True)
    images = run.images(Part.VALIDATION, run.plan.final_side)
    figures.draw_contact_sheet(images, run.out / "contact-sheet.png")


def _stages(plan: Plan) -> Iterator[tuple[bool, list[tuple[Phase, int]]]]:
    """Consecutive phases that share an optimizer, each with the epoch at which it ends."""
    ends = np.cumsum([phase.epochs for phase in plan.phases]).tolist()
    for frozen, members in groupby(zip(plan.phases, ends, strict=True), key=lambda member: member[0].frozen):
        yield frozen, list(members)


def _train_stage(run: Run, frozen: bool, stage: list[tuple[Phase, int]], progress: Progress) -> None:
    _compile(run, frozen, stage)
    start = stage[0][1] - stage[0][0].epochs
    if _saved_epoch(run.out) > start:
        _resume(run)
    for phase, end in stage:
        if run.state.epoch < end:
            _train_phase(run, phase, end, progress)


def _compile(run: Run, frozen: bool, stage: list[tuple[Phase, int]]) -> None:
    registry.backbone_of(run.model).trainable = not frozen
    if run.plan.weights is not None:
        registry.freeze_statistics(run.model)
    draws = datasets.epoch_size(run.parts[Part.TRAIN], run.labels)
    steps = (draws // run.plan.batch) * sum(phase.epochs for phase, _ in stage)
    warm_up = max(1, int(WARM_UP_SHARE * steps))
    rate = run.plan.rate(stage[0][0])
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20, max(1, steps - warm_up), alpha=0.01, warmup_target=rate, warmup_steps=warm_up
    )
    run.model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=run.plan.weight_decay, clipnorm=1.0),
        loss=SmoothedCrossEntropy(run.plan.label_smoothing, len(run.labels)),
        jit_compile="auto",
    )


class SmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy of logits against integer labels, of which `smoothing` is spread over all classes."""

    def __init__(self, smoothing: float, classes: int) -> None:
        super().__init__(name="loss")
        self.smoothing, self.classes = smoothing, classes

    def call(self, y_true: Any, y_pred: Any) -> Any:
        certain = keras.ops.one_hot(keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32"), self.classes)
        target = certain * (1.0 - self.smoothing) + self.smoothing / self.classes
        return keras.losses.categorical_crossentropy(target, y_pred, from_logits=True)


def _train_phase(run: Run, phase: Phase, end: int, progress: Progress) -> None:
    images = run.images(Part.TRAIN, phase.side)
    validation = run.images(Part.VALIDATION, phase.side)
    while run.state.epoch < end:
        batches = TrainingBatches(
            images, batch=run.plan.batch, seed=run.plan.seed, first_epoch=run.state.epoch, workers=1
        )
        progress.begin(run.state.epoch, phase.side, len(batches))
        fitted = run.model.fit(batches, epochs=1, verbose=0, callbacks=[run.average, progress.callback()])
        _finish_epoch(run, phase, fitted.history["loss"][0], validation, progress)


def _finish_epoch(run: Run, phase: Phase, loss: float, validation: Images, progress: Progress) -> None:
    """Judge the averaged weights, keep them when they are the best at the final size, and save the run."""
    run.average.swap()
    measured = _validate(run.model, validation)
    if phase.side == run.plan.final_side and not phase.frozen and measured["val_loss"] < run.state.best:
        run.state.best = measured["val_loss"]
        run.model.save_weights(run.out / BEST)
    run.average.swap()
    run.state.epoch += 1
    record = {"epoch": run.state.epoch, "side": phase.side, "loss": loss, **measured}
    _append_history(run.out / HISTORY, record)
    _save(run)
    progress.report(record)


def _validate(model: keras.Model, images: Images) -> dict[str, float]:
    """Plain loss and accuracy, and the area under the curve of the first label against the rest."""
    probabilities = softmax(predict(model, images))
    right = probabilities[np.arange(len(images.labels)), images.labels]
    return {
        "val_loss": float(-np.log(np.maximum(right, EPSILON)).mean()),
        "val_accuracy": float((probabilities.argmax(axis=1) == images.labels).mean()),
        "val_auc": area_under_curve(images.labels == 0, probabilities[:, 0]),
    }


def predict(model: keras.Model, images: Images) -> Any:
    """Logits float32 (n, classes)."""
    return model.predict(datasets.network_input(images.grey), batch_size=PREDICT_BATCH, verbose=0)


def _save(run: Run) -> None:
    """The state is written last: what it counts is on disk."""
    run.model.save_weights(run.out / LATEST)
    np.savez(run.out / AVERAGE, *run.average.weights)
    run.state.updates = run.average.updates
    (run.out / STATE).write_text(json.dumps(vars(run.state)))


def _saved_epoch(out: Path) -> int:
    state = out / STATE
    return int(json.loads(state.read_text())["epoch"]) if state.is_file() else 0


def _resume(run: Run) -> None:
    run.state = State(**json.loads((run.out / STATE).read_text()))
    run.model.optimizer.build(run.model.trainable_variables)
    run.model.load_weights(run.out / LATEST)
    with np.load(run.out / AVERAGE) as saved:
        run.average.weights = [saved[name] for name in saved.files]
    run.average.updates = run.state.updates


def _append_history(path: Path, record: dict[str, float]) -> None:
    fresh = not path.is_file()
    with path.open("a", newline="") as lines:
        writer = csv.DictWriter(lines, record)
        if fresh:
            writer.writeheader()
        writer.writerow(record)


def _backbone_weights(plan: Plan) -> str | None:
    """Weights of a whole classifier (*.weights.h5 of an earlier run) are loaded after it is built."""
    if plan.weights is None or plan.weights.endswith(".weights.h5"):
        return None
    return plan.weights
