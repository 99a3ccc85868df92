"""Fit the network that finds lungs; the validation part chooses the epoch."""

import json
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml.regions import Mask
from ml.segmentation.training.batches import (
    CONVENTIONS,
    PHANTOMS,
    MaskedImages,
    VariedBatches,
    network_input,
    with_phantoms,
)
from ml.segmentation.training.loss import DiceCrossEntropy
from ml.segmentation.training.masked_images import masked_parts
from ml.segmentation.training.network import build
from ml.training.data.split import Part
from ml.training.fit.weight_average import WeightAverage

SIDE = 128
# Images are kept larger than the network reads them: a variation may enlarge a part of one.
KEPT_SIDE = 224
PHANTOM_WORDS = f"phantom: {2 * PHANTOMS} synthetic chests that ml.imaging.phantom draws, with the lungs it draws"
DRAFT, BEST, LOG = "draft.json", "best.weights.h5", "history.jsonl"


@dataclass(frozen=True)
class Plan:
    """All choices of a run. `left_out` names a source that teaches nothing and is measured on instead."""

    epochs: int = 30
    batch: int = 16
    rate: float = 2e-3
    weight_decay: float = 1e-2
    seed: int = 1
    left_out: str | None = None


def train(plan: Plan, data: Path, out: Path) -> dict[str, Any]:
    """Fit on the training part and keep the weights of the epoch whose validation Dice is best, in `out`.

    Returns the draft: the plan and the best epoch. Raises FileNotFoundError and ValueError for missing data.
    """
    parts = masked_parts(data, plan.left_out)
    images = with_phantoms(MaskedImages.read(data, parts[Part.TRAIN], KEPT_SIDE, cropped=False), KEPT_SIDE)
    validation = MaskedImages.read(data, parts[Part.VALIDATION], SIDE, cropped=True)
    out.mkdir(parents=True, exist_ok=True)
    model, average = _compiled(plan, images), WeightAverage()
    best: dict[str, Any] = {"mean": -1.0}
    for epoch in range(plan.epochs):
        began = time.monotonic()
        batches = VariedBatches(images, SIDE, batch=plan.batch, seed=plan.seed, epoch=epoch)
        fitted = model.fit(batches, verbose=0, callbacks=[average])
        average.swap()
        found = validate(model, validation)
        record = {"epoch": epoch + 1, "loss": round(fitted.history["loss"][0], 4), **found}
        if found["mean"] > best["mean"]:
            best = record
            model.save_weights(out / BEST)
            draft = {**asdict(plan), "best": best, "parameters": model.count_params(), "side": SIDE}
            (out / DRAFT).write_text(json.dumps(draft, indent=2))
        average.swap()
        _report(record | {"seconds": round(time.monotonic() - began)}, out)
    return json.loads((out / DRAFT).read_text())


def trained(out: Path) -> keras.Model:
    """The network with its best weights. Raises FileNotFoundError when `out` holds none."""
    if not (out / BEST).is_file():
        raise FileNotFoundError(f"{out} holds no fitted network yet. Run python -m ml lungs train first.")
    model = build(SIDE, len(CONVENTIONS))
    model.load_weights(out / BEST)
    return model


def validate(model: keras.Model, images: MaskedImages) -> dict[str, float]:
    """The mean Dice of the images of each source, at the network's resolution, and the mean of those."""
    logits = model.predict(network_input(images.grey), batch_size=32, verbose=0)
    found: dict[str, list[float]] = defaultdict(list)
    for said, mask, convention, source in zip(logits, images.masks, images.conventions, images.sources, strict=True):
        found[source].append(dice(said[..., CONVENTIONS.index(convention)] > 0, mask > 0))
    means = {source: round(float(np.mean(values)), 4) for source, values in sorted(found.items())}
    return means | {"mean": round(float(np.mean(list(means.values()))), 4)}


def dice(one: Mask, other: Mask) -> float:
    """Twice what two masks share over what they have together; 1 where both are empty."""
    together = int(one.sum()) + int(other.sum())
    return 2.0 * int((one & other).sum()) / together if together else 1.0


def _compiled(plan: Plan, images: MaskedImages) -> keras.Model:
    keras.utils.set_random_seed(plan.seed)
    model = build(SIDE, len(CONVENTIONS))
    steps = plan.epochs * len(VariedBatches(images, SIDE, batch=plan.batch, seed=plan.seed, epoch=0))
    warm_up = max(1, steps // 20)
    rate = keras.optimizers.schedules.CosineDecay(
        plan.rate / 20, steps - warm_up, alpha=0.01, warmup_target=plan.rate, warmup_steps=warm_up
    )
    model.compile(keras.optimizers.AdamW(rate, weight_decay=plan.weight_decay, clipnorm=1.0), DiceCrossEntropy())
    return model


def _report(record: dict[str, Any], out: Path) -> None:
    line = json.dumps(record)
    with (out / LOG).open("a", encoding="utf-8") as log:
        log.write(line + "\n")
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
