"""Measure a fitted network once, and write it as a version that serves."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ml.segmentation.training.batches import CONVENTIONS, MaskedImages, network_input
from ml.segmentation.training.conversion import convert
from ml.segmentation.training.limits import ANYTHING, measured_limits
from ml.segmentation.training.masked_images import MaskedRow, masked_parts, read_mask
from ml.segmentation.training.measurement import measure, measure_unmasked, measure_wrong, milliseconds
from ml.segmentation.training.trainer import DRAFT, PHANTOM_WORDS, SIDE, dice, trained
from ml.serving.bundle import NETWORK, WEIGHTS, digest
from ml.serving.engine import Network
from ml.serving.lungs.crop import MARGIN
from ml.serving.lungs.finder import NAME, SPEC, LungFinder
from ml.serving.lungs.spec import LungsSpec
from ml.spec import Modality
from ml.training.data.datasets import read_pixels
from ml.training.data.split import Part
from ml.training.publish.markdown import render

METRICS, PREDICTIONS, CARD = "metrics.json", "predictions.csv", "CARD.md"
LICENCE = "For research use only, not for commercial use; the sources of the masks do not allow more."
RADIOGRAPH_SIDE = 2000


def release(run: Path, data: Path, root: Path, version: str) -> dict[str, Any]:
    """Write `root`/lungs/`version` with its measured numbers and card; returns the report.

    Raises FileExistsError for a version that is there, FileNotFoundError for a run that was not fitted.
    """
    folder = root / NAME / version
    if folder.exists():
        raise FileExistsError(f"{folder} is there already. Give another version.")
    model, draft = trained(run), json.loads((run / DRAFT).read_text())
    parts = masked_parts(data, draft["left_out"])
    validation = MaskedImages.read(data, parts[Part.VALIDATION], SIDE, cropped=True)
    with TemporaryDirectory() as scratch:
        agreement = convert(model, Path(scratch), network_input(validation.grey))
        files = {name: (Path(scratch) / name).read_bytes() for name in (NETWORK, WEIGHTS)}
    spec = _spec(files, version, data, parts[Part.TRAIN], parts[Part.VALIDATION])
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / SPEC).write_text(spec.to_json())
    finder, test = LungFinder.from_folder(folder), parts[Part.TEST]
    report = {
        "plan": draft,
        "agreement": asdict(agreement),
        "margin": MARGIN,
        "test": measure(finder, data, test),
        "unmasked": measure_unmasked(finder, data),
        "wrong": measure_wrong(finder, data, test),
        "milliseconds": {str(side): milliseconds(finder, side) for side in (512, RADIOGRAPH_SIDE)},
    }
    (folder / METRICS).write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    (folder / PREDICTIONS).write_text(_predictions(finder, data, test))
    (folder / CARD).write_text(write_card(spec, report))
    return report


def write_card(spec: LungsSpec, report: dict[str, Any]) -> str:
    """The card's text."""
    return render("lungs.md.j2", spec=spec, report=report)


def _spec(
    files: dict[str, bytes], version: str, data: Path, fitted: tuple[MaskedRow, ...], judged: tuple[MaskedRow, ...]
) -> LungsSpec:
    known: dict[str, Any] = {
        "version": version,
        "conventions": CONVENTIONS,
        "side": SIDE,
        "weights_sha256": digest(files[NETWORK], files[WEIGHTS]),
        "trained_on": tuple(_sources(fitted)),
        "licence": LICENCE,
    }
    free = LungsSpec(limits=dict.fromkeys(Modality, ANYTHING), **known)
    # Of slices the validation part holds one volume alone.
    rows = [*judged, *(row for row in fitted if row.modality is Modality.CT)]
    limits = measured_limits(LungFinder(free, Network(files[NETWORK], files[WEIGHTS])), data, rows)
    return LungsSpec(limits=limits, **known)


def _sources(rows: tuple[MaskedRow, ...]) -> Iterable[str]:
    named = [(row.source, row.origin, row.licence) for row in rows]
    for source, origin, licence in sorted(set(named)):
        count = named.count((source, origin, licence))
        yield f"{source}: {count} images ({licence}), masks: {origin}"
    yield PHANTOM_WORDS


def _predictions(finder: LungFinder, data: Path, rows: tuple[MaskedRow, ...]) -> str:
    """A line an image of the test part: its Dice, and whether the mask was believed."""
    lines = ["path,source,group,convention,dice,believed"]
    for row in rows:
        pixels, mask = read_pixels(data / row.path), read_mask(data, row)
        found = finder.maps(pixels)[row.convention]
        score = dice(np.asarray(found.in_frame(pixels.shape)), mask)
        believed = int(found.is_believed(finder.spec.limits[row.modality]))
        lines.append(f"{row.path},{row.source},{row.group},{row.convention},{score:.4f},{believed}")
    return "\n".join(lines) + "\n"
