"""Real chest images of the test part, as they are and spoilt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("openvino", reason="OpenVINO runs the gate's network")

import ml
from ml.gate import Gate
from ml.imaging import decode
from ml.imaging.greyscale import greyscale
from ml.imaging.windowing import Window
from ml.preprocessing import Pixels
from ml.spec import Modality
from ml.training.data.manifest import read_rows
from ml.training.data.split import Part, split

ROOT = Path(ml.__file__).parent / "weights"
SAMPLED = 60


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate.load(ROOT)


@pytest.fixture(scope="module", params=list(Modality))
def images(request: pytest.FixtureRequest, chest_data: Path) -> tuple[Modality, list[Pixels]]:
    modality: Modality = request.param
    rows = split(read_rows(chest_data, modality))[Part.TEST]
    return modality, [read(chest_data / row.path) for row in rows[:: len(rows) // SAMPLED]]


def read(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)


def test_nearly_all_pass(gate: Gate, images: tuple[Modality, list[Pixels]]) -> None:
    modality, several = images
    refused = [gate.refusal(pixels, modality) for pixels in several]
    assert sum(each is not None for each in refused) <= 0.05 * len(several), refused


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pixels: np.rot90(pixels).copy(),
        lambda pixels: np.rot90(pixels, 2).copy(),
        lambda pixels: np.rot90(pixels, 3).copy(),
        lambda pixels: 1 - pixels,
        lambda pixels: np.tile(pixels, (2, 2)),
    ],
    ids=["quarter", "half", "three-quarters", "inverted", "four"],
)
def test_nearly_no_spoilt_image_passes(
    gate: Gate, images: tuple[Modality, list[Pixels]], spoil: Callable[[Pixels], Pixels]
) -> None:
    modality, several = images
    passed = [gate.refusal(spoil(pixels), modality) is None for pixels in several]
    assert sum(passed) <= 0.07 * len(passed)


def test_the_other_modality_is_noticed(gate: Gate, images: tuple[Modality, list[Pixels]]) -> None:
    modality, several = images
    other = next(each for each in Modality if each is not modality)
    refused = [gate.refusal(pixels, other) for pixels in several]
    assert sum(each is None for each in refused) <= 0.02 * len(several)
    assert sum(each is not None and each.code == "wrong_modality" for each in refused) >= 0.9 * len(several)


def test_untouched_uploads_pass(gate: Gate, chest_data: Path) -> None:
    for folder, modality in (("originals/cxr", Modality.CXR), ("originals/ct", Modality.CT)):
        for path in sorted((chest_data / folder).iterdir()):
            assert gate.refusal(decode(path.read_bytes()).pixels, modality) is None, path.name


def test_slices_through_the_lungs_pass(gate: Gate, chest_data: Path) -> None:
    paths = sorted((chest_data / "dicom" / "ct-series-normal").iterdir())[::8]
    refused = [gate.refusal(decode(path.read_bytes()).pixels, Modality.CT) for path in paths]
    assert sum(each is not None for each in refused) <= 1, refused


@pytest.mark.parametrize(("centre", "width"), [(40, 350), (350, 2000)], ids=["mediastinal", "bone"])
def test_slices_in_another_window_are_refused(gate: Gate, chest_data: Path, centre: float, width: float) -> None:
    paths = sorted((chest_data / "dicom" / "ct-series-normal").iterdir())[::8]
    shown = [greyscale(path.read_bytes()) for path in paths]
    slices = [Window(centre, width).apply(each.raw * np.float32(each.slope) + each.intercept) for each in shown]
    refused = [gate.refusal(pixels.astype(np.float32), Modality.CT) for pixels in slices]
    assert sum(each is not None and each.code == "window" for each in refused) >= 0.8 * len(refused), refused
