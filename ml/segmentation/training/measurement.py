"""Measure the network as it serves: on the test part, on slightly changed images, and on what shows no lungs."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.lungs import lung_mask
from ml.preprocessing import Pixels, Region
from ml.regions import Mask
from ml.segmentation.training.masked_images import MaskedRow, read_mask
from ml.segmentation.training.trainer import dice
from ml.segmentation.training.variations import without_lungs
from ml.serving.lungs.crop import lung_region
from ml.serving.lungs.finder import LungFinder
from ml.spec import Modality
from ml.training.data.datasets import read_pixels
from ml.training.data.manifest import Row, read_rows
from ml.training.data.split import Part, split
from ml.training.measure.bootstrap import estimates

SHIFT = 2
BORDER = 0.2
CLOUDS, CLOUDS_SIDE = 60, 299
# Of images without masks, and of those that are made wrong, every fourth says enough.
SAMPLED = 4
TIMED = 40
# Lung outside the crop below this share of all lung is the pixels of an outline.
LITTLE = 0.005


@dataclass(frozen=True)
class Judged:
    """One number of each of n images: `values` float64 (n,), NaN where there is none; `groups` str (n,)."""

    values: NDArray[np.float64]
    groups: NDArray[np.str_]

    def take(self, which: NDArray[Any]) -> "Judged":
        """Some of them, by index; an index may come more than once."""
        return Judged(self.values[which], self.groups[which])


@dataclass(frozen=True)
class Found:
    """What was found in one image with a mask.

    `dice` of the network and `rough` of the thresholds of ml.lungs, each with None as nothing found: 0; `cut` the share
    of the lung that the crop leaves out, `kept_area` what is left of the image; `shifted`, `mirrored` and `bordered`
    the overlap (intersection over union) of the crop with that of the changed image, NaN for slices.
    """

    dice: float
    rough: float
    found: float
    cut: float
    kept_area: float
    shifted: float
    mirrored: float
    bordered: float


def measure(finder: LungFinder, data: Path, rows: Sequence[MaskedRow]) -> dict[str, Any]:
    """Every number of every source, with 95 % intervals over groups."""
    sources: dict[str, list[tuple[Found, str]]] = defaultdict(list)
    for row in rows:
        sources[row.source].append((_found(finder, read_pixels(data / row.path), read_mask(data, row), row), row.group))
    return {source: _entry(found) for source, found in sorted(sources.items())}


def measure_unmasked(finder: LungFinder, data: Path) -> dict[str, Any]:
    """In how many images of the classifiers' validation part lungs are found, by modality and source."""
    report: dict[str, Any] = {}
    for modality in Modality:
        sources: dict[str, list[Row]] = defaultdict(list)
        for row in split(read_rows(data, modality))[Part.VALIDATION]:
            sources[row.source].append(row)
        for source, rows in ((source, rows[::SAMPLED]) for source, rows in sorted(sources.items())):
            said = [float(finder.find(read_pixels(data / row.path), modality) is not None) for row in rows]
            rough = [float(lung_mask(read_pixels(data / row.path), modality) is not None) for row in rows]
            groups = [row.group for row in rows]
            entry = {"found": _estimate(said, groups), "rough": _estimate(rough, groups), "images": len(rows)}
            report[f"{modality}/{source}"] = entry
    return report


def measure_wrong(finder: LungFinder, data: Path, rows: Sequence[MaskedRow]) -> dict[str, Any]:
    """The share of images in which lungs are found that show none, or not upright."""
    random = np.random.default_rng(0)
    clouds = [np.asarray(without_lungs(CLOUDS_SIDE, random) / np.float32(255), np.float32) for _ in range(CLOUDS)]
    report = {f"clouds, blocks and letters as {modality}": _share(finder, clouds, modality) for modality in Modality}
    images = [(read_pixels(data / row.path), row.modality) for row in rows[::SAMPLED]]
    for name, change in _WRONG.items():
        for modality in Modality:
            changed = [change(pixels) for pixels, own in images if own is modality]
            report[f"{name}, {modality}"] = _share(finder, changed, modality)
    return report


def milliseconds(finder: LungFinder, side: int) -> float:
    """The median time of one image with this side."""
    pixels = np.random.default_rng(0).random((side, side), dtype=np.float32)
    taken = []
    for _ in range(TIMED):
        began = time.perf_counter()
        finder.maps(pixels)
        taken.append(time.perf_counter() - began)
    return round(float(np.median(taken)) * 1000, 1)


_WRONG: dict[str, Callable[[Pixels], Pixels]] = {
    "turned by 90°": lambda pixels: np.rot90(pixels).copy(),
    "head down": lambda pixels: pixels[::-1].copy(),
    "inverted": lambda pixels: 1 - pixels,
    "a quarter of it": lambda pixels: pixels[: pixels.shape[0] // 2, : pixels.shape[1] // 2].copy(),
}


def _found(finder: LungFinder, pixels: Pixels, mask: Mask, row: MaskedRow) -> Found:
    said = finder.maps(pixels)[row.convention].in_frame(pixels.shape)
    rough = lung_mask(pixels, row.modality)
    kept = finder.find(pixels, row.modality, row.convention)
    crops = _crops(finder, pixels, mask) if row.modality is Modality.CXR else dict.fromkeys(_CROPPED, np.nan)
    return Found(
        dice=dice(said, mask), rough=0.0 if rough is None else dice(rough, mask), found=float(kept is not None), **crops
    )


_CROPPED = ("cut", "kept_area", "shifted", "mirrored", "bordered")


def _crops(finder: LungFinder, pixels: Pixels, mask: Mask) -> dict[str, float]:
    """How the crop lies to the mask, and how little it moves in the image when the image changes."""
    height, width = pixels.shape
    crop = lung_region(finder, pixels).region
    rows = slice(round(crop.top * height), round(crop.bottom * height))
    inside = np.zeros_like(mask)
    inside[rows, round(crop.left * width) : round(crop.right * width)] = True
    pushed = np.pad(pixels, ((SHIFT, 0), (SHIFT, 0)), mode="edge")[:height, :width]
    border = round(BORDER * max(pixels.shape))
    framed = np.pad(pixels, border)
    return {
        "cut": float((mask & ~inside).sum() / mask.sum()),
        "kept_area": float(inside.mean()),
        "shifted": overlap(crop, _moved(lung_region(finder, pushed).region, pixels.shape, pixels.shape, SHIFT)),
        "mirrored": overlap(crop, _mirrored(lung_region(finder, pixels[:, ::-1].copy()).region)),
        "bordered": overlap(crop, _moved(lung_region(finder, framed).region, framed.shape, pixels.shape, border)),
    }


def overlap(one: Region, other: Region) -> float:
    """Intersection over union of two boxes."""
    height = max(0.0, min(one.bottom, other.bottom) - max(one.top, other.top))
    width = max(0.0, min(one.right, other.right) - max(one.left, other.left))
    both = height * width
    return both / (_area(one) + _area(other) - both)


def _area(box: Region) -> float:
    return (box.bottom - box.top) * (box.right - box.left)


def _mirrored(box: Region) -> Region:
    return Region(box.top, 1 - box.right, box.bottom, 1 - box.left)


def _moved(box: Region, frame: tuple[int, ...], size: tuple[int, ...], by: int) -> Region:
    """A box in shares of a `frame` in which an image of `size` lies `by` pixels down and right, in shares of that."""
    (tall, wide), (height, width) = frame, size
    return Region(
        (box.top * tall - by) / height,
        (box.left * wide - by) / width,
        (box.bottom * tall - by) / height,
        (box.right * wide - by) / width,
    )


def _entry(found: list[tuple[Found, str]]) -> dict[str, Any]:
    groups = [group for _, group in found]
    numbers = {each.name: [getattr(one, each.name) for one, _ in found] for each in fields(Found)}
    report: dict[str, Any] = {
        name: _estimate(values, groups) for name, values in numbers.items() if not np.isnan(values).all()
    }
    report |= {"images": len(found), "groups": len(set(groups))}
    if "cut" in report:
        report["cut_at_all"] = _estimate([float(cut > LITTLE) for cut in numbers["cut"]], groups)
        report["cut_most"] = round(max(numbers["cut"]), 4)
    return report


def _share(finder: LungFinder, images: Iterable[Pixels], modality: Modality) -> dict[str, Any]:
    said = [float(finder.find(pixels, modality) is not None) for pixels in images]
    return {"found": _estimate(said, [str(number) for number in range(len(said))]), "images": len(said)}


def _estimate(values: Sequence[float], groups: Sequence[str]) -> dict[str, float]:
    judged = Judged(np.array(values, dtype=np.float64), np.array(groups))
    return asdict(estimates(judged, lambda drawn: {"mean": float(np.mean(drawn.values))})["mean"])
