"""Fit the gate's network, and choose its thresholds on the validation part."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from ml.gate.gate import prepare
from ml.gate.kinds import READABLE, Kind
from ml.gate.training import corruptions
from ml.gate.training.corruptions import GreyImage
from ml.gate.training.grey_images import one_of, phantoms, read_pictures, square
from ml.gate.training.limbs import limb
from ml.gate.training.negatives import Role, read_negatives
from ml.gate.training.network import build
from ml.gate.training.photographing import SETTINGS, photograph
from ml.gate.training.synthetic import SHARES, Material, Synthesiser
from ml.preprocessing import Pixels
from ml.probability import softmax
from ml.spec import Modality
from ml.training.convert.conversion import convert
from ml.training.data.datasets import read_pixels
from ml.training.data.manifest import Row, read_rows
from ml.training.data.split import Part, split

SIDE = 96
EPOCHS, EXAMPLES, BATCH = 16, 6000, 64
FIRST_STEP, WEIGHT_DECAY = 3e-3, 1e-4
# Every third slice loses its lungs; all of them would take long to paint and teach no more.
PAINTED_EVERY = 3
LATERAL, REFORMATTED, HEAD = "lateral-xray", "reformatted-ct", "head-xray"
# Drawn once, because each takes a tenth of a second and more.
LIMBS, PHOTOGRAPHS = 500, 500
# A film that fills its photograph looks like its export at this size. Films at a window and prints are measured on.
PHOTOGRAPHED_ON = ("light box", "monitor")
# Of the validation part's images, this share may be refused. A kind likelier than all others together always passes.
REFUSED_SHARE = 0.007
LEAST_THRESHOLD, HIGHEST_THRESHOLD = 0.2, 0.5
DRAFT, MODEL = "draft.json", "model.keras"


def train(data: Path, negatives: Path, out: Path, *, seed: int = 1) -> dict[Modality, float]:
    """Fit on the training part, convert, and choose a threshold for each modality. Writes the draft into `out`.

    Raises FileNotFoundError and ValueError for missing data, ConversionFailed when the served network differs.
    """
    parts = {modality: split(read_rows(data, modality)) for modality in Modality}
    synthesiser = Synthesiser(_material(data, negatives, {m: parts[m][Part.TRAIN] for m in Modality}), SIDE)
    model = _fit(synthesiser, seed)
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / MODEL)
    validation = {modality: _inputs(data, parts[modality][Part.VALIDATION]) for modality in Modality}
    thresholds = {modality: _threshold(model, validation[modality], READABLE[modality]) for modality in Modality}
    agreement = convert(model, out, np.concatenate([inputs[:60] for inputs in validation.values()]))
    draft = {"thresholds": thresholds, "exact": agreement.exact, "fast": agreement.fast, "kinds": list(SHARES)}
    draft |= {"parameters": model.count_params(), "epochs": EPOCHS, "examples": EXAMPLES, "seed": seed}
    (out / DRAFT).write_text(json.dumps(draft, indent=2))
    return thresholds


def _fit(synthesiser: Synthesiser, seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = build(SIDE, len(SHARES))
    steps = keras.optimizers.schedules.CosineDecay(FIRST_STEP, EPOCHS * math.ceil(EXAMPLES / BATCH))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(steps, weight_decay=WEIGHT_DECAY), loss, metrics=["accuracy"])
    for epoch in range(EPOCHS):
        inputs, labels = synthesiser.examples(EXAMPLES, np.random.default_rng((seed, epoch)))
        model.fit(inputs, labels, batch_size=BATCH, verbose=2)
    return model


def _threshold(model: keras.Model, inputs: Pixels, kind: Kind) -> float:
    """The highest threshold that refuses no more than REFUSED_SHARE of right images."""
    said: NDArray[np.float64] = softmax(model.predict(inputs, verbose=0))[:, list(SHARES).index(kind)]
    chosen = float(np.quantile(said, REFUSED_SHARE, method="lower"))
    return round(max(LEAST_THRESHOLD, min(chosen, HIGHEST_THRESHOLD)), 4)


def _inputs(data: Path, rows: Iterable[Row]) -> Pixels:
    return np.stack([prepare(read_pixels(data / row.path), SIDE) for row in rows])


def _material(data: Path, folder: Path, rows: dict[Modality, tuple[Row, ...]]) -> Material:
    chests = {modality: _chests(data, modality, rows[modality]) for modality in Modality}
    others: dict[str, list[GreyImage]] = defaultdict(list)
    special: dict[str, list[GreyImage]] = defaultdict(list)
    for row in read_negatives(folder, Role.FIT):
        group = special[row.kind] if row.kind in (LATERAL, REFORMATTED, HEAD) else others[row.source]
        group.extend(read_pictures(folder, [row.path]))
    random = np.random.default_rng(0)
    return Material(
        chests=chests,
        without_lungs=_painted(chests[Modality.CT]),
        laterals=special[LATERAL],
        reformats=special[REFORMATTED],
        photographs=[square(_photograph(chests, random)) for _ in range(PHOTOGRAPHS)],
        parts=[*(limb(random) for _ in range(LIMBS)), *special[HEAD]],
        others=others,
    )


def _photograph(chests: dict[Modality, dict[str, list[GreyImage]]], random: np.random.Generator) -> GreyImage:
    pictures = [each for sources in one_of(list(chests.values()), random).values() for each in sources]
    setting = SETTINGS[one_of(PHOTOGRAPHED_ON, random)]
    return photograph(one_of(pictures, random), setting, random).convert("L")


def _chests(data: Path, modality: Modality, rows: Iterable[Row]) -> dict[str, list[GreyImage]]:
    pictures: dict[str, list[GreyImage]] = defaultdict(list)
    for row in rows:
        pictures[row.source].extend(read_pictures(data, [row.path]))
    pictures["phantom"] = phantoms(modality)
    return pictures


def _painted(slices: dict[str, list[GreyImage]]) -> list[GreyImage]:
    random = np.random.default_rng(0)
    chosen = [picture for pictures in slices.values() for picture in pictures[::PAINTED_EVERY]]
    painted = (corruptions.without_lungs(picture, random) for picture in chosen)
    return [picture for picture in painted if picture is not None]
