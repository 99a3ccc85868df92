"""Pixels that are not square are drawn in their true proportions, everywhere."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image

from ml.imaging import Limits, decode
from ml.imaging.greyscale import greyscale
from ml.imaging.phantom import chest_ct, chest_xray
from ml.imaging.sandbox import Sandbox
from tests.unit.ml.imaging.samples import SIDE, dicom, refusal

GONE = {"ImagerPixelSpacing": None}


def squeezed(*, rows: int, columns: int, code: str = "DX", **stated: object) -> bytes:
    """The phantom of twice SIDE, stored with fewer rows or columns: its true shape is a square."""
    side = 2 * SIDE
    drawn = chest_xray(side, side) * 4095 if code == "DX" else chest_ct(side, side).astype(np.float32) + 1024
    picture = Image.fromarray(drawn.astype(np.float32)).resize((columns, rows), Image.Resampling.BOX)
    stored = np.rint(np.asarray(picture)).astype("<u2")
    gone = GONE if code == "DX" else {"PixelSpacing": None}
    return dicom(code, **{**gone, "Rows": rows, "Columns": columns, "PixelData": stored.tobytes(), **stated})


TALL = {
    "spacing": {"PixelSpacing": [1.6, 0.8]},
    "spacing at the detector": {"ImagerPixelSpacing": [0.4, 0.2]},
    "aspect ratio alone": {"PixelAspectRatio": [2, 1]},
    "spacing before aspect ratio": {"PixelSpacing": [1.6, 0.8], "PixelAspectRatio": [1, 3]},
}


@pytest.mark.parametrize("stated", TALL.values(), ids=TALL)
def test_tall_pixels_become_more_rows(stated: dict[str, object]) -> None:
    image = decode(squeezed(rows=SIDE, columns=2 * SIDE, **stated))
    assert (image.height, image.width) == (2 * SIDE, 2 * SIDE)
    assert np.abs(image.pixels - chest_xray(2 * SIDE, 2 * SIDE)).mean() < 0.02


def test_wide_pixels_become_more_columns() -> None:
    image = decode(squeezed(rows=2 * SIDE, columns=SIDE, PixelSpacing=[0.8, 1.6]))
    assert (image.height, image.width) == (2 * SIDE, 2 * SIDE)
    assert np.abs(image.pixels - chest_xray(2 * SIDE, 2 * SIDE)).mean() < 0.02


def test_lengths_are_measured_in_the_pixels_that_are_shown() -> None:
    data = squeezed(rows=SIDE, columns=2 * SIDE, PixelSpacing=[1.6, 0.8])
    header, found = decode(data).header, greyscale(data)
    assert header is not None
    assert header.pixel_spacing == found.spacing == (0.8, 0.8)
    assert found.raw.shape == (2 * SIDE, 2 * SIDE)


def test_the_helper_process_says_the_size_that_is_shown() -> None:
    sandbox = Sandbox()
    try:
        found = sandbox.inspect(squeezed(rows=SIDE, columns=2 * SIDE, PixelAspectRatio=[2, 1]), preview_side=SIDE)
    finally:
        sandbox.close()
    assert (found.height, found.width) == (2 * SIDE, 2 * SIDE)
    assert found.preview is not None
    assert Image.open(BytesIO(found.preview)).size == (SIDE, SIDE)


def test_a_slice_keeps_its_hounsfield_units_and_padding_is_not_mixed_in() -> None:
    source = pydicom.dcmread(BytesIO(squeezed(rows=SIDE, columns=2 * SIDE, code="CT")))
    stored = source.pixel_array.copy()
    stored[:, :40] = 63_000
    data = dicom(
        "CT",
        Rows=SIDE,
        Columns=2 * SIDE,
        PixelSpacing=[2, 1],
        BitsStored=16,
        HighBit=15,
        PixelPaddingValue=63_000,
        PixelData=stored.astype("<u2").tobytes(),
    )
    image = decode(data)
    assert image.not_classified is None
    assert image.pixels.shape == (2 * SIDE, 2 * SIDE)
    np.testing.assert_allclose(image.pixels[:, :40], (-1024 + 1350) / 1500, atol=1e-5)
    np.testing.assert_array_equal(image.pixels[::2, 40:], image.pixels[1::2, 40:])


SQUARE = [
    {"PixelSpacing": [0.2, 0.2009]},
    {"PixelSpacing": [0.2, 0]},
    {"PixelSpacing": [0.2, 200]},
    {"PixelAspectRatio": [1, 1]},
    {"PixelAspectRatio": [-2, -1]},
    {},
]


@pytest.mark.parametrize("stated", SQUARE)
def test_square_pixels_and_impossible_ones_are_left_as_they_are(stated: dict[str, object]) -> None:
    np.testing.assert_array_equal(decode(dicom(**GONE, **stated)).pixels, decode(dicom()).pixels)


def test_the_limit_holds_for_what_is_shown() -> None:
    data = squeezed(rows=SIDE, columns=2 * SIDE, PixelAspectRatio=[2, 1])
    assert refusal(data, Limits(max_pixels=3 * SIDE * SIDE)) == "too-many-pixels"
    assert refusal(data, Limits(max_pixels=4 * SIDE * SIDE)) == ""
