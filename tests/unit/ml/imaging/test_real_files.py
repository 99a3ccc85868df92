"""Real files, where the machine has them: CHEST_DATA, or shared/data beside the project."""

import os
from pathlib import Path

import pytest

from ml.imaging import DecodedImage, decode
from ml.spec import Modality
from tests.unit.ml.imaging.samples import refusal

PROJECT = Path(__file__).resolve().parents[4]
DATA = Path(os.environ.get("CHEST_DATA", PROJECT.parent / "shared" / "data"))

# Fails in CI, and skips elsewhere, when they are not there
pytestmark = pytest.mark.usefixtures("chest_data")


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (DATA / folder).rglob("*") if path.is_file())


def named(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", files("originals"), ids=named)
def test_originals_are_accepted(path: Path) -> None:
    assert refusal(path.read_bytes()) == ""


@pytest.mark.parametrize("path", files("dicom/chest-cr-dx"), ids=named)
def test_xrays_are_accepted_with_air_dark_and_spine_bright(path: Path) -> None:
    image = decode(path.read_bytes())
    assert image.header is not None
    assert image.header.modality is Modality.CXR
    assert _middle(image) > _lungs(image)


def _middle(image: DecodedImage) -> float:
    return float(image.pixels[image.height // 2, image.width * 47 // 100 : image.width * 55 // 100].mean())


def _lungs(image: DecodedImage) -> float:
    row = image.pixels[image.height * 2 // 5 : image.height // 2]
    return float(min(row[:, part * image.width // 20].min() for part in range(4, 17)))


REFUSED = {
    "CT_JPEG70.dcm": "localizer",
    "CT_small.dcm": "too-small",
    "RG3_J2KR.dcm": "body-part",
    "jpeg-baseline.dcm": "colour",
}


@pytest.mark.parametrize("path", files("dicom/chest-ct", "dicom/other"), ids=named)
def test_slices_are_accepted_and_other_files_refused(path: Path) -> None:
    assert refusal(path.read_bytes()) == REFUSED.get(path.name, "")


@pytest.mark.parametrize("folder", ["dicom/ct-series-covid", "dicom/ct-series-normal"])
def test_every_slice_of_a_series_is_accepted(folder: str) -> None:
    paths = files(folder)
    assert len(paths) >= 80
    for path in paths:
        image = decode(path.read_bytes())
        assert image.header is not None
        assert (image.header.modality, image.header.slice_position is not None) == (Modality.CT, True)
