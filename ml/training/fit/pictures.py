"""Pictures of a run for the people who train. The contact sheet shows patients: it stays in the folder of the run."""

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from ml.training.data.augmentation import augment
from ml.training.data.datasets import Images

SHEET_ROWS, SHEET_COLUMNS = 8, 8


def draw_history(history: Path, out: Path) -> None:
    """Losses over the epochs, and whatever else was measured of the validation part, from history.csv."""
    with history.open(newline="") as lines:
        records = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(lines)]
    figure = Figure(figsize=(10, 4), layout="constrained")
    losses = ["loss", "val_loss"]
    others = [name for name in records[0] if name.startswith("val_") and name not in losses]
    for axes, names in zip(figure.subplots(1, 2), (losses, others), strict=True):
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
