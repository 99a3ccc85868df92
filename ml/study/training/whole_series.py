"""Whole series, gate and all: the only ones at hand in which slices with and without disease are one patient's."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.ensemble import EnsembleSpec
from ml.imaging import DecodedImage, decode
from ml.spec import Modality
from ml.study.ct import Slice, combine_slices, counted_slices
from ml.study.inference import ImageAnswers, Panel
from ml.study.thinning import ask_each, stretches
from ml.study.training.units import Method
from ml.training.metrics import area_under_curve

VOLUMES = "medseg9"
LABELS = "ct-series-covid-slice-labels.csv"


@dataclass(frozen=True)
class Whole:
    """A series: its files, and which of them show disease; None where nobody has said so."""

    name: str
    files: tuple[Path, ...]
    diseased: frozenset[Path] | None


def whole_series(data: Path) -> Iterator[Whole]:
    """The two series in DICOM, then the volumes of MedSeg, slice by slice."""
    folder = data / "dicom"
    with (folder / LABELS).open(newline="") as lines:
        infected = {row["file"] for row in csv.DictReader(lines) if row["infection"] == "1"}
    for name in ("ct-series-covid", "ct-series-normal"):
        files = tuple(sorted((folder / name).glob("*.dcm")))
        marked = frozenset(file for file in files if name == "ct-series-covid" and file.name in infected)
        yield Whole(name, files, marked)
    yield from _volumes(data)


def measure_series(whole: Whole, panel: Panel, ensemble: EnsembleSpec, ways: dict[str, Method]) -> dict[str, Any]:
    """What the ensemble says of the slices that would be asked about, and what each method makes of it.

    `asked` counts them, and `refused` those of them that the gate refused.
    """
    slices, refused = _classified(whole, panel, ensemble)
    counts = {"slices": len(whole.files), "asked": len(slices) + refused, "refused": refused}
    result = combine_slices(slices, ensemble.operating_point)
    kept, _ = counted_slices(slices)
    if result is None:
        return counts
    return {
        **counts,
        "little_or_no_lung": len(result.left_out),
        "zone": result.zone.value,
        "scores": {name: round(way(kept), 4) for name, way in ways.items()},
        "slice_auc": _slice_auc(kept, whole),
        "slice_auc_with_little_lung": _slice_auc(slices, whole),
        "thirds": {third.level.value: round(third.mean, 4) for third in result.thirds},
    }


def _classified(whole: Whole, panel: Panel, ensemble: EnsembleSpec) -> tuple[list[Slice[str]], int]:
    """The slices that were asked about and passed the gate, and how many did not pass."""
    images = {str(file): decode(file.read_bytes()) for file in whole.files}
    answered: dict[str, ImageAnswers] = {}

    def ask(names: Sequence[str]) -> Iterable[str]:
        answered.update(panel.answer((name, images[name].pixels) for name in names))
        return [name for name in names if answered[name].refusal]

    ask_each(stretches({name: _position(image) for name, image in images.items()}), ask)
    slices = [_slice(name, images[name], said, panel, ensemble) for name, said in answered.items() if not said.refusal]
    return slices, len(answered) - len(slices)


def _slice(name: str, image: DecodedImage, said: ImageAnswers, panel: Panel, ensemble: EnsembleSpec) -> Slice[str]:
    answers = zip(panel.classifiers, said.answers, strict=True)
    probabilities = ensemble.combine({each.spec.identity: answer.probabilities for each, answer in answers})
    probability = probabilities[ensemble.operating_point.positive_label]
    return Slice(name, probability, said.lung_share, _position(image))


def _position(image: DecodedImage) -> float | None:
    return image.header.slice_position if image.header else None


def _slice_auc(kept: Iterable[Slice[str]], whole: Whole) -> float | None:
    """How often a diseased slice scores above one that is not, in this one patient; None without both kinds."""
    if whole.diseased is None:
        return None
    slices = list(kept)
    truth = np.array([Path(one.key) in whole.diseased for one in slices])
    area = area_under_curve(truth, np.array([one.probability for one in slices]))
    return round(area, 4) if np.isfinite(area) else None


def _volumes(data: Path) -> Iterator[Whole]:
    with (data / "manifest_v2.csv").open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["source"] == VOLUMES and row["modality"] == Modality.CT]
    for group in sorted({row["group"] for row in rows}):
        members = sorted((row for row in rows if row["group"] == group), key=lambda row: row["path"].rpartition("/")[2])
        diseased = frozenset(data / row["path"] for row in members if row["label"] == "covid")
        yield Whole(group, tuple(data / row["path"] for row in members), diseased)
