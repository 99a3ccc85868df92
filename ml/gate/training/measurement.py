"""Measure the gate on images that it was not fitted on."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml.gate.gate import Gate
from ml.gate.training import corruptions, screens
from ml.gate.training.corruptions import GreyImage, Random
from ml.gate.training.grey_images import one_of, picture_of, pixels_of
from ml.gate.training.negatives import Negative, Role, read_negatives
from ml.gate.training.photographing import SETTINGS, photograph
from ml.gate.training.verdicts import ACCEPTED, Verdict, counted, share
from ml.imaging import DecodedImage, ImageRefused, decode
from ml.imaging.greyscale import HOUNSFIELD, greyscale
from ml.imaging.photographs import looks_photographed
from ml.imaging.windowing import Values, Window, lung_grey
from ml.preprocessing import Pixels
from ml.spec import Modality
from ml.training.data.datasets import read_pixels
from ml.training.data.manifest import Row, read_rows
from ml.training.data.split import Part, split


def _tilted(picture: GreyImage, random: Random, degrees: float) -> GreyImage:
    return corruptions.tilted_whole(picture, degrees * one_of((-1, 1), random))


def _enlarged(picture: GreyImage, random: Random, side: int) -> GreyImage:
    """Three times as large as the image was, as a program would that shows a preview large."""
    large = picture.resize((3 * picture.width, 3 * picture.height))
    return corruptions.enlarged(large, side, one_of(RESAMPLES, random))


RESAMPLES = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
# Of the test part, every image is measured as it is and every fourth one spoilt in each way.
SPOILT_EVERY = 4
# Photographs take half a second each.
PHOTOGRAPHED_EVERY = 24
RIGHT, OTHER_MODALITY, WITHOUT_LUNGS = "right", "other modality", "lungs painted over"
SLIGHTLY_TILTED = "right, tilted by 5 degrees"
# Whole sources that came later than the split, so that nothing was fitted or chosen on them.
LATER_MANIFEST = "manifest_v2.csv"
LATER_LABELS = ("normal", "pneumonia", "tuberculosis", "covid", "non-covid")
SPOILINGS: dict[str, Callable[[GreyImage, Random], GreyImage]] = {
    "turned": corruptions.turned,
    "inverted": corruptions.inverted,
    "part": corruptions.part,
    "blurred": corruptions.blurred,
    "noise": corruptions.drowned,
    **{f"tilted by {degrees} degrees": partial(_tilted, degrees=degrees) for degrees in (10, 15, 20, 30)},
    **{f"enlarged from {side} pixels": partial(_enlarged, side=side) for side in (32, 48, 64, 96)},
}
# Pictures of screens, of which the first kind was fitted on.
SCREENS = {
    "screen, workstation": screens.workstation,
    "screen, web page": screens.web_page,
    "screen, telephone": screens.phone,
}
# Files as users upload them, with the modality that they would say.
UPLOADS = {
    "originals/cxr": Modality.CXR,
    "originals/ct": Modality.CT,
    "dicom/chest-cr-dx": Modality.CXR,
    "dicom/chest-ct": Modality.CT,
    "dicom/ct-series-normal": Modality.CT,
    "dicom/ct-series-covid": Modality.CT,
}
# Whole series in Hounsfield units, exported in windows as others do it: their centres and widths, HU.
WINDOWED = ("dicom/ct-series-normal", "dicom/ct-series-covid")
WINDOWS = {
    "lung, 1000 around -500": (-500, 1000),
    "lung, 2000 around -500": (-500, 2000),
    "mediastinal, 350 around 40": (40, 350),
    "mediastinal, 500 around 50": (50, 500),
    "bone, 1500 around 450": (450, 1500),
    "bone, 2000 around 350": (350, 2000),
    "bone, 2500 around 480": (480, 2500),
}


def measure(gate: Gate, data: Path, negatives: Path) -> dict[str, Any]:
    """The report of one gate: shares of right images refused, of wrong ones accepted, and what uploads got.

    Looks at the test part and at the sources of negatives that were kept out of the fitting.
    """
    others = read_negatives(negatives, Role.MEASURE)
    verdicts = [*_on_test_part(gate, data), *_on_negatives(gate, negatives, others)]
    return {
        "right_refused": _by_source(verdict for verdict in verdicts if verdict.kind == RIGHT),
        "wrong_accepted": _by_kind(verdict for verdict in verdicts if verdict.kind != RIGHT),
        "later_sources": _by_source(_on_later_sources(gate, data)),
        "uploads": {folder: _uploads(gate, data / folder, modality) for folder, modality in UPLOADS.items()},
        "windows": {folder: windows(gate, data / folder) for folder in WINDOWED},
    }


def _on_test_part(gate: Gate, data: Path) -> Iterator[Verdict]:
    random = np.random.default_rng(0)
    for modality in Modality:
        rows = split(read_rows(data, modality))[Part.TEST]
        for number, row in enumerate(rows):
            pixels = read_pixels(data / row.path)
            yield _verdict(gate, pixels, modality, RIGHT, row)
            if number % SPOILT_EVERY == 0:
                neighbours = [picture_of(read_pixels(data / each.path)) for each in random.choice(_plain(rows), 3)]
                yield from _spoilt(gate, pixels, modality, row, neighbours, random)
                yield from _on_screens(gate, pixels, modality, row, neighbours, random)
            if number % PHOTOGRAPHED_EVERY == 0:
                yield from _photographed(gate, pixels, modality, row, random)


def _spoilt(
    gate: Gate, pixels: Pixels, modality: Modality, row: Row, neighbours: list[GreyImage], random: Random
) -> Iterator[Verdict]:
    picture = picture_of(pixels)
    for kind, spoil in SPOILINGS.items():
        yield _verdict(gate, pixels_of(spoil(picture, random)), modality, kind, row)
    slight = pixels_of(_tilted(picture, random, 5))
    yield _verdict(gate, slight, modality, SLIGHTLY_TILTED, row)
    if not modality.is_tomographic:
        yield _verdict(gate, pixels_of(corruptions.shoulder(picture, random)), modality, "shoulder", row)
    yield _verdict(gate, pixels_of(corruptions.grid([picture, *neighbours], random)), modality, "several", row)
    for other in Modality:
        if other is not modality:
            yield _verdict(gate, pixels, other, OTHER_MODALITY, row)
    if modality.is_tomographic and (painted := corruptions.without_lungs(picture, random)):
        yield _verdict(gate, pixels_of(painted), modality, WITHOUT_LUNGS, row)


def _on_screens(
    gate: Gate, pixels: Pixels, modality: Modality, row: Row, neighbours: list[GreyImage], random: Random
) -> Iterator[Verdict]:
    pictures = [picture_of(pixels), *neighbours[: random.integers(len(neighbours) + 1)]]
    for kind, draw in SCREENS.items():
        yield _at_the_door(gate, draw(pictures, random), modality, kind, row)


def _photographed(gate: Gate, pixels: Pixels, modality: Modality, row: Row, random: Random) -> Iterator[Verdict]:
    for name, setting in SETTINGS.items():
        shown = photograph(picture_of(pixels), setting, random).convert("L")
        yield _at_the_door(gate, shown, modality, f"photograph, {name}", row)


def _at_the_door(gate: Gate, picture: GreyImage, modality: Modality, kind: str, row: Row) -> Verdict:
    """As a PNG or JPEG file, which is not asked about where it looks photographed (ml.imaging.photographs)."""
    pixels = pixels_of(picture)
    if looks_photographed(pixels):
        return Verdict(modality, kind, row.source, row.group, "photograph")
    return _verdict(gate, pixels, modality, kind, row)


def _on_later_sources(gate: Gate, data: Path) -> Iterator[Verdict]:
    known = {row.source for modality in Modality for row in read_rows(data, modality)}
    for modality in Modality:
        for row in read_rows(data, modality, labels=LATER_LABELS, manifest=LATER_MANIFEST):
            if row.source not in known:
                yield _verdict(gate, read_pixels(data / row.path), modality, RIGHT, row)


def _plain(rows: Sequence[Row]) -> np.ndarray:
    """Rows as an array that numpy does not try to look into."""
    several = np.empty(len(rows), dtype=object)
    several[:] = rows
    return several


def _on_negatives(gate: Gate, folder: Path, rows: Iterable[Negative]) -> Iterator[Verdict]:
    for row in rows:
        pixels = read_pixels(folder / row.path)
        for modality in Modality:
            yield _verdict(gate, pixels, modality, row.kind, row)


def _verdict(gate: Gate, pixels: Pixels, modality: Modality, kind: str, row: Row | Negative) -> Verdict:
    refused = gate.refusal(pixels, modality)
    return Verdict(modality, kind, row.source, row.group, refused.code if refused else ACCEPTED)


def _by_source(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Of each modality, over all sources and within each."""
    several = list(verdicts)
    report: dict[str, Any] = {}
    for modality in Modality:
        own = [verdict for verdict in several if verdict.modality is modality]
        sources = {source: [v for v in own if v.source == source] for source in sorted({v.source for v in own})}
        report[modality] = {"all": _entry(own, accepted=False)} if own else {}
        report[modality] |= {source: _entry(each, accepted=False) for source, each in sources.items()}
    return report


def _by_kind(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Of each modality said and each kind of wrong image."""
    kinds: dict[Modality, dict[str, list[Verdict]]] = {modality: defaultdict(list) for modality in Modality}
    for verdict in verdicts:
        kinds[verdict.modality][verdict.kind].append(verdict)
    return {
        modality: {kind: _entry(each, accepted=True) for kind, each in found.items()}
        for modality, found in kinds.items()
    }


def _entry(verdicts: Sequence[Verdict], *, accepted: bool) -> dict[str, Any]:
    found = share(verdicts, accepted=accepted)
    return {
        "share": {"value": found.value, "low": found.low, "high": found.high},
        "images": len(verdicts),
        "groups": len({verdict.group for verdict in verdicts}),
        "codes": counted(verdict.code for verdict in verdicts),
    }


def _uploads(gate: Gate, folder: Path, modality: Modality) -> dict[str, Any]:
    """What each file got; slices of a series stand in their order from head to foot."""
    got = [_upload(gate, path, modality) for path in sorted(folder.iterdir())]
    ordered = sorted(got, key=lambda each: each[:2])
    return {"files": len(got), "codes": counted(code for *_, code in got), "in_order": _runs(c for *_, c in ordered)}


def _upload(gate: Gate, path: Path, modality: Modality) -> tuple[float, str, str]:
    try:
        image = decode(path.read_bytes())
    except ImageRefused as unread:
        return 0.0, path.name, f"not read: {unread.code}"
    if image.not_classified:
        return -_height(image), path.name, f"not classified: {image.not_classified.params['variant']}"
    refused = gate.refusal(image.pixels, modality)
    return -_height(image), path.name, refused.code if refused else ACCEPTED


def windows(gate: Gate, folder: Path) -> dict[str, Any]:
    """Of a series' slices that are accepted as the portal windows them: how many are, exported in each other window."""
    shown = (greyscale(path.read_bytes()) for path in sorted(folder.iterdir()))
    slices = [
        each.raw * np.float32(each.slope) + np.float32(each.intercept) for each in shown if each.unit == HOUNSFIELD
    ]
    own = [values for values in slices if gate.refusal(lung_grey(values), Modality.CT) is None]
    return {"slices": len(own), "accepted": {name: _accepted(gate, own, *ends) for name, ends in WINDOWS.items()}}


def _accepted(gate: Gate, slices: Iterable[Values], centre: float, width: float) -> int:
    window = Window(centre, width)
    return sum(gate.refusal(window.apply(values), Modality.CT) is None for values in slices)


def _height(image: DecodedImage) -> float:
    position = image.header.slice_position if image.header else None
    return position if position is not None else 0.0


def _runs(codes: Iterable[str]) -> list[str]:
    """Equal neighbours counted together, such as "12 accepted"."""
    runs: list[tuple[str, int]] = []
    for code in codes:
        if runs and runs[-1][0] == code:
            runs[-1] = (code, runs[-1][1] + 1)
        else:
            runs.append((code, 1))
    return [f"{count} {code}" for code, count in runs]
