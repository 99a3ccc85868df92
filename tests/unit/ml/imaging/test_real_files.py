"""Real files, where the machine has them: see `chest_data` in tests/conftest.py."""

from pathlib import Path
from typing import Any

import pytest

from ml.imaging import DecodedImage, Role, decode
from ml.imaging.facts import not_classified
from ml.spec import Modality
from tests.chest_images import chest_folder
from tests.unit.ml.imaging.samples import refusal

# Skips, or fails where they must be there, when they are not.
pytestmark = pytest.mark.usefixtures("chest_data")


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (chest_folder() / folder).rglob("*") if path.is_file())


def each_file(*folders: str) -> Any:
    """Run a test once for each file; without any, once for a file that is missing, so that the skip says why."""
    paths = files(*folders) or [chest_folder() / "missing"]
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


@each_file("originals")
def test_originals_are_accepted(path: Path) -> None:
    assert refusal(path.read_bytes()) == ""


@each_file("dicom/chest-cr-dx")
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
    "CT_small.dcm": "too-small",
    "RG3_J2KR.dcm": "body-part",
}


@each_file("dicom/chest-ct", "dicom/other")
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


def test_a_real_scout_is_kept_and_not_classified() -> None:
    image = decode((chest_folder() / "dicom/chest-ct/CT_JPEG70.dcm").read_bytes())
    assert image.header is not None
    assert (image.header.role, image.not_classified) == (Role.SCOUT, not_classified("scout"))
