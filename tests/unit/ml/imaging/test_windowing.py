from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing

from ml.imaging import decode
from ml.imaging.phantom import chest_ct, chest_xray, phantom_dicom
from ml.imaging.windowing import Window
from tests.unit.ml.imaging.samples import SIDE, dicom, ramp, xray_of

LINEAR_RAMP = ramp(12).astype(np.float32)


def table(entries: list[int], first: int, bits: int) -> list[Dataset]:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = entries
    item["LUTData"].VR = "US"
    return [item]


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("centre", "width"), [(2048, 4096), (1000, 300.5), (50, 2)])
def test_window_functions_agree_with_pydicom(function: str, centre: float, width: float) -> None:
    dataset = Dataset()
    dataset.PhotometricInterpretation, dataset.BitsStored, dataset.PixelRepresentation = "MONOCHROME2", 12, 0
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = centre, width, function
    expected = apply_windowing(ramp(12), dataset) / 4095
    grey = Window(centre, width, function).apply(LINEAR_RAMP)
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey, expected, atol=1e-4)


def test_the_first_window_is_applied() -> None:
    data = xray_of(ramp(12), 12, WindowCenter=[1000, 3000], WindowWidth=[1001, 10])
    expected = np.clip((LINEAR_RAMP - 999.5) / 1000 + 0.5, 0, 1)
    np.testing.assert_allclose(decode(data).pixels, expected, atol=1e-5)


def test_monochrome1_shows_the_same_as_monochrome2() -> None:
    one, two = (decode(phantom_dicom("DX", side=SIDE, photometric=f"MONOCHROME{n}")).pixels for n in (1, 2))
    np.testing.assert_allclose(one, two, atol=2e-3)
    np.testing.assert_allclose(two, chest_xray(SIDE, SIDE), atol=2e-3)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", "INVERSE", True),
    ],
)
def test_inversion_is_said_once_however_often_it_is_written(
    photometric: str, shape: str | None, inverted: bool
) -> None:
    extra = {"PresentationLUTShape": shape} if shape else {}
    pixels = decode(xray_of(ramp(12), 12, PhotometricInterpretation=photometric, **extra)).pixels
    plain = decode(xray_of(ramp(12), 12)).pixels
    np.testing.assert_allclose(pixels, 1 - plain if inverted else plain, atol=1e-6)


def test_rescale_comes_before_the_window() -> None:
    data = xray_of(ramp(12), 12, RescaleSlope=2, RescaleIntercept=-500, WindowCenter=3595.5, WindowWidth=8191)
    np.testing.assert_allclose(decode(data).pixels, LINEAR_RAMP / 4095, atol=1e-3)


def test_modality_table_is_applied() -> None:
    entries = [4095 - value for value in range(4096)]
    data = xray_of(ramp(12), 12, ModalityLUTSequence=table(entries, 0, 12))
    np.testing.assert_allclose(decode(data).pixels, (4095 - LINEAR_RAMP) / 4095, atol=1e-3)


def test_voi_table_goes_before_the_window_and_clamps_at_its_ends() -> None:
    entries = list(range(256))
    data = xray_of(ramp(12), 12, VOILUTSequence=table(entries, 1000, 8))
    expected = np.clip(LINEAR_RAMP - 1000, 0, 255) / 255
    np.testing.assert_allclose(decode(data).pixels, expected, atol=1e-6)


@pytest.mark.parametrize(
    "broken",
    [
        {"WindowCenter": None, "WindowWidth": None},
        {"WindowWidth": 0},
        {"WindowCenter": 60_000},
        {"VOILUTFunction": "CUBIC"},
    ],
)
def test_without_a_usable_window_a_robust_range_is_shown(broken: dict[str, object]) -> None:
    values = ramp(12) // 8 + 300
    values[0, 0] = 4095
    pixels = decode(xray_of(values, 12, **broken)).pixels
    assert np.percentile(pixels, 2) < 0.1
    assert np.percentile(pixels, 98) > 0.9


def test_padding_is_black_whatever_the_polarity() -> None:
    values = ramp(12)
    values[:10] = 4000
    data = xray_of(values, 12, PixelPaddingValue=4000, PhotometricInterpretation="MONOCHROME1", WindowWidth=None)
    pixels = decode(data).pixels
    assert not pixels[:10].any()
    assert pixels[10:].max() > 0.95


def test_ct_is_shown_in_the_lung_window_whatever_its_header_says() -> None:
    hounsfield = chest_ct(SIDE, SIDE).astype(np.float32)
    for centre, width in ((40, 400), (-600, 1200)):
        pixels = decode(dicom("CT", WindowCenter=centre, WindowWidth=width)).pixels
        np.testing.assert_allclose(pixels, np.clip((hounsfield + 1350) / 1500, 0, 1), atol=1e-5)


def test_ct_padding_counts_as_air() -> None:
    source = pydicom.dcmread(BytesIO(dicom("CT")))
    stored = source.pixel_array.astype(np.int16)
    stored[:5] = -2000
    data = dicom(
        "CT", PixelData=stored.tobytes(), BitsStored=16, HighBit=15, PixelRepresentation=1, PixelPaddingValue=-2000
    )
    np.testing.assert_allclose(decode(data).pixels[:5], (-1024 + 1350) / 1500, atol=1e-5)
