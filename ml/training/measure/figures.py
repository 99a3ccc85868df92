"""Pictures of a measurement; none of them shows a patient, so they may go with the weights."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ml.training.measure.curves import EVALUATION, Curves
from ml.training.metrics import area_under_curve, confusion
from ml.training.scored_images import ScoredImages

mpl.use("Agg")


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
