"""Small sets of rows and images with a made-up finding; nothing here shows a person."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from ml.training.data.manifest import Row

FIELDS = ("path", "modality", "label", "source", "group", "protocol", "licence")


def row(number: int, *, label: str = "covid", source: str = "here", group: str | None = None) -> Row:
    """A row whose group is its own unless one is given."""
    return Row(f"{source}/{label}/{number}.jpg", label, source, group or f"{source}-{label}-{number}", "test")


def write_data(root: Path, *, each: int = 20, side: int = 40) -> Path:
    """A data folder: covid has stripes across, pneumonia stripes down, normal none. A flip changes none of it."""
    with (root / "manifest.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, FIELDS)
        writer.writeheader()
        for index, label in enumerate(("covid", "pneumonia", "normal")):
            for number in range(each):
                writer.writerow(_write_image(root, label, index, number, side))
    return root


def _write_image(root: Path, label: str, index: int, number: int, side: int) -> dict[str, str]:
    pixels = np.random.default_rng((index, number)).integers(0, 60, (side, side))
    down, across = np.indices((side, side)) // 4 % 2
    pixels += 150 * (down, across, np.zeros_like(down))[index]
    path = root / label / f"{number}.jpg"
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return {
        "path": f"{label}/{number}.jpg",
        "modality": "cxr",
        "label": label,
        "source": "one" if number % 2 else "two",
        "group": f"{label}-{number // 2}",
        "protocol": "train",
        "licence": "made up",
    }
