"""Pictures of a run for the people who train.

The contact sheet shows patients and stays in the folder of the run; curves may go with the weights.
"""

import csv
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from ml.training.data.augmentation import augment
from ml.training.data.datasets import Images
from ml.training.measure.curves import EVALUATION, Curves
from ml.training.metrics import area_under_curve, confusion
from ml.training.scored_images import ScoredImages

mpl.use("Agg")
SHEET_ROWS, SHEET_COLUMNS = 8, 8


def draw_history(history: Path, out: Path) -> None:
    """Loss and accuracy over the epochs, from history.csv."""
    with history.open(newline="") as lines:
        records = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, names in zip(figure.subplots(1, 2), (("loss", "val_loss"), ("val_accuracy", "val_auc")), strict=True):
        for name in names:
            axes.plot([record["epoch"] for record in records], [record[name] for record in records], label=name)
        axes.set_xlabel("epoch")
        axes.legend()
    figure.savefig(out, dpi=120)


def draw_contact_sheet(images: Images, out: Path, *, seed: int = 0) -> None:
    """One image a row: as the network sees it, then seven random variations."""
    random = np.random.default_rng(seed)
    chosen = random.choice(len(images.labels), size=min(SHEET_ROWS, len(images.labels)), replace=False)
    lines = [
        np.hstack([images.grey[which], *(augment(images.grey[which], random) for _ in range(SHEET_COLUMNS - 1))])
        for which in chosen
    ]
    Image.fromarray(np.vstack(lines)).save(out)


def draw_evaluation(folder: Path, scored: ScoredImages, drawn: Curves) -> None:
    """ROC curves, reliability and confusion of a held-out part with their 95 % intervals, as evaluation.png."""
    figure = Figure(figsize=(14, 4.5), layout="constrained")
    roc, reliability, table = figure.subplots(1, 3)
    _draw_roc(roc, scored, drawn["roc"])
    _draw_reliability(reliability, drawn["reliability"])
    _draw_confusion(table, scored)
    figure.savefig(folder / EVALUATION, dpi=80)


def _draw_roc(axes: Axes, scored: ScoredImages, roc: Curves) -> None:
    for index, (name, curve) in enumerate(roc["sensitivity"].items()):
        area = area_under_curve(scored.labels == index, scored.probabilities[:, index])
        (line,) = axes.step(roc["false_alarms"], curve["value"], where="post", label=f"{name}, AUC {area:.3f}")
        axes.fill_between(
            roc["false_alarms"], curve["low"], curve["high"], step="post", alpha=0.15, color=line.get_color()
        )
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity")
    axes.legend()


def _draw_reliability(axes: Axes, reliability: Curves) -> None:
    right = reliability["right"]
    axes.vlines(reliability["stated"], right["low"], right["high"], alpha=0.4)
    axes.plot(reliability["stated"], right["value"], "o-")
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.set(xlabel="stated probability", ylabel="share that was right")


def _draw_confusion(axes: Axes, scored: ScoredImages) -> None:
    cells = confusion(scored)
    axes.imshow(cells, cmap="Blues")
    for (truth, said), count in np.ndenumerate(cells):
        colour = "white" if count > cells.max() / 2 else "black"
        axes.text(said, truth, str(count), ha="center", va="center", color=colour)
    places = range(len(scored.names))
    axes.set(xlabel="said", ylabel="truth", xticks=places, yticks=places)
    axes.set_xticklabels(scored.names)
    axes.set_yticklabels(scored.names)
