"""Train one classifier by a plan. An interrupted run goes on from its last whole epoch."""

import json
from collections.abc import Iterator
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ml import architectures
from ml.pooling import pool_features
from ml.training.data import datasets
from ml.training.data.datasets import Images, TrainingBatches
from ml.training.data.split import Part, Partition, by_group
from ml.training.fit import last_layer, pictures
from ml.training.fit.plan import Phase, Plan
from ml.training.fit.progress import Progress
from ml.training.fit.run import Run
from ml.training.fit.run_files import BEST, HISTORY, LESSON

WARM_UP_SHARE = 0.05
PREDICT_BATCH = 64
Stage = list[tuple[Phase, int]]


def train(plan: Plan, data: Path, out: Path, partition: Partition = by_group) -> None:
    """Train, or go on training, into the folder `out`."""
    keras.mixed_precision.set_global_policy(plan.precision)
    run = Run(plan, data, out, partition)
    if plan.last_layer:
        _teach_last_layer(run)
        return
    _describe(run)
    with Progress(plan) as progress:
        for stage in _stages(plan):
            if stage[-1][1] > run.saved_epoch:
                _train_stage(run, stage, progress)
    pictures.draw_history(out / HISTORY, out / "history.png")


def _describe(run: Run) -> None:
    """Write what a person wants to look at before a long run: the layers, and images with their variations."""
    with (run.folder / "layers.txt").open("w", encoding="utf-8") as text:
        run.model.summary(print_fn=lambda line: print(line, file=text), expand_nested=True)
    images = run.images(Part.VALIDATION, run.plan.final_side)
    pictures.draw_contact_sheet(images, run.folder / "contact-sheet.png")


def _stages(plan: Plan) -> Iterator[Stage]:
    """Consecutive phases that share an optimizer, each with the epoch at which it ends."""
    ends = list(accumulate(phase.epochs for phase in plan.phases))
    for _, members in groupby(zip(plan.phases, ends, strict=True), key=lambda member: member[0].frozen):
        yield list(members)


def _train_stage(run: Run, stage: Stage, progress: Progress) -> None:
    _compile(run, stage)
    first, first_end = stage[0]
    if run.saved_epoch > first_end - first.epochs:
        run.resume()
    for phase, end in stage:
        if run.state.epoch < end:
            _train_phase(run, phase, end, progress)


def _compile(run: Run, stage: Stage) -> None:
    frozen = stage[0][0].frozen
    architectures.backbone_of(run.model).trainable = not frozen
    if run.plan.fine_tunes:
        architectures.freeze_statistics(run.model)
    steps = (run.sampler.size // run.plan.batch) * sum(phase.epochs for phase, _ in stage)
    optimizer = keras.optimizers.AdamW(
        _schedule(run.plan.rate(frozen=frozen), steps), weight_decay=run.plan.weight_decay, clipnorm=1.0
    )
    run.model.compile(optimizer, run.teaching.loss())


def _schedule(rate: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """A short warm-up, then half a cosine down to a hundredth (Loshchilov and Hutter, ICLR 2017)."""
    warm_up = max(1, int(WARM_UP_SHARE * steps))
    return keras.optimizers.schedules.CosineDecay(
        rate / 20, max(1, steps - warm_up), alpha=0.01, warmup_target=rate, warmup_steps=warm_up
    )


def _train_phase(run: Run, phase: Phase, end: int, progress: Progress) -> None:
    images, validation = run.images(Part.TRAIN, phase.side), run.images(Part.VALIDATION, phase.side)
    if run.plan.grown_from is not None and run.state.epoch == 0:
        # It begins as a trained network: training on must not make it worse
        run.keep_best(run.teaching.cost(_validate(run, validation)))
    for epoch in range(run.state.epoch, end):
        batches = TrainingBatches(images, run.sampler, batch=run.plan.batch, seed=run.plan.seed, first_epoch=epoch)
        progress.begin(epoch, phase.side, len(batches))
        fitted = run.model.fit(batches, verbose=0, callbacks=[run.average, progress.callback()])
        _finish_epoch(run, phase, fitted.history["loss"][0], validation, progress)


def _finish_epoch(run: Run, phase: Phase, loss: float, validation: Images, progress: Progress) -> None:
    """Judge the averaged weights, keep them when they are the best at the final size, and save the run."""
    run.average.swap()
    measured = _validate(run, validation)
    if phase.side == run.plan.final_side and not phase.frozen:
        run.keep_best(run.teaching.cost(measured))
    run.average.swap()
    run.state.epoch += 1
    record = {"epoch": run.state.epoch, "side": phase.side, "loss": loss, **measured}
    run.append_history(record)
    run.save()
    progress.report(record)


def _validate(run: Run, images: Images) -> dict[str, float]:
    return run.teaching.judge(predict(run.model, images), images.labels)


def _teach_last_layer(run: Run) -> None:
    """Leave all layers as they are but the last; nothing is done where that was done before."""
    if (run.folder / BEST).is_file():
        return
    if run.plan.kept is not None:
        run.make_cheaper(run.plan.kept)
    images, validation = (run.images(part, run.plan.final_side) for part in (Part.TRAIN, Part.VALIDATION))
    features, mirrored = _pooled(run.model, images), _pooled(run.model, images.mirror())
    groups, smoothing = [row.group for row in images.rows], run.plan.label_smoothing
    lesson = last_layer.Lesson(features, images.labels, run.labels, smoothing=smoothing, changed=mirrored)
    tried = lesson.search_penalty(groups)
    layer = lesson.teach(tried.chosen)
    run.model.get_layer("logits").set_weights([layer.kernel, layer.bias])
    logits = layer.logits(_pooled(run.model, validation)).astype(np.float32)
    measured = run.teaching.judge(logits, validation.labels)
    told = {
        "penalty": tried.chosen,
        "losses": tried.losses,
        "error": tried.error,
        "moves_cost": last_layer.MOVES_COST,
        "folds": last_layer.FOLDS,
        "validation": measured,
    }
    (run.folder / LESSON).write_text(json.dumps(told, indent=2) + "\n")
    # Written last, and whole: what reads it knows that the run is finished
    unfinished = run.folder / f"unfinished.{BEST}"
    run.model.save_weights(unfinished)
    unfinished.replace(run.folder / BEST)


def _pooled(model: keras.Model, images: Images) -> NDArray[np.float64]:
    """What the last layer of a model reads of images, float64 (n, channels): the mean over the places that count."""
    before = keras.Model(model.input, model.get_layer("pool").input)
    pooled = []
    for begin in range(0, len(images.grey), PREDICT_BATCH):
        batch = slice(begin, begin + PREDICT_BATCH)
        places = before.predict_on_batch(datasets.network_input(images.grey[batch], images.recipe))
        pooled += [pool_features(each, view) for each, view in zip(places, images.views[batch], strict=True)]
    return np.stack(pooled).astype(np.float64)


def predict(model: keras.Model, images: Images) -> Any:
    """What a model gives for images whose every place counts alike, such as logits float32 (n, classes)."""
    return model.predict(datasets.network_input(images.grey, images.recipe), batch_size=PREDICT_BATCH, verbose=0)
