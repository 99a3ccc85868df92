"""The images that someone has drawn lungs in."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.preprocessing import WHOLE, Region, Size, resize
from ml.regions import Mask
from ml.serving.lungs.convention import Convention
from ml.spec import Modality
from ml.training.data.manifest import Row
from ml.training.data.split import Part, split

MASKS, MANIFEST = "masks.csv", "manifest_v2.csv"
LUNG = "lung"
# The polygons of ieee8023 follow the ribs and go on behind heart and diaphragm; everybody else stops at the shadow.
SHADOWED_SOURCES = frozenset({"ieee8023"})


@dataclass(frozen=True)
class MaskedRow(Row):
    """An image with a mask of its lungs, `mask` relative to the data folder; `origin` says who drew it."""

    mask: str
    origin: str
    modality: Modality

    @property
    def convention(self) -> Convention:
        """By which its mask was drawn."""
        return Convention.SHADOWED if self.source in SHADOWED_SOURCES else Convention.FIELDS


MaskedParts = dict[Part, tuple[MaskedRow, ...]]


def read_masked_rows(data: Path) -> tuple[MaskedRow, ...]:
    """Every image with a lung mask. Raises FileNotFoundError without masks.csv or manifest_v2.csv in `data`."""
    images = {record["path"]: record for record in _records(data / MANIFEST)}
    return tuple(
        _masked_row(images[record["image"]], record) for record in _records(data / MASKS) if record["kind"] == LUNG
    )


def masked_parts(data: Path, left_out: str | None = None) -> MaskedParts:
    """The images split by group. All images of a source that is `left_out` are the test part instead.

    Raises ValueError for a source that has no masks.
    """
    rows = read_masked_rows(data)
    masked = {row.path: row for row in rows}
    kept = split([row for row in rows if row.source != left_out])
    parts = {part: tuple(masked[row.path] for row in members) for part, members in kept.items()}
    if left_out is None:
        return parts
    test = tuple(row for row in rows if row.source == left_out)
    if not test:
        raise ValueError(f"No image of {left_out!r} has a lung mask.")
    return {Part.TRAIN: parts[Part.TRAIN] + parts[Part.TEST], Part.VALIDATION: parts[Part.VALIDATION], Part.TEST: test}


def read_mask(data: Path, row: MaskedRow) -> Mask:
    """Bool (h, w), in the size of the image."""
    with Image.open(data / row.mask) as picture:
        return np.asarray(picture.convert("L")) > 127


def stretched(mask: Mask, size: Size, region: Region = WHOLE) -> NDArray[np.uint8]:
    """A region of a mask in another size (h, w): 1 where at least half of a pixel is lung."""
    return np.asarray(resize(mask.astype(np.float32), size, region) >= 0.5, dtype=np.uint8)


def _masked_row(image: dict[str, str], mask: dict[str, str]) -> MaskedRow:
    shared = {name: image[name] for name in ("path", "label", "source", "group", "licence")}
    return MaskedRow(**shared, mask=mask["mask"], origin=mask["origin"], modality=Modality(image["modality"]))


def _records(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. Give --data the folder that holds it.")
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))
