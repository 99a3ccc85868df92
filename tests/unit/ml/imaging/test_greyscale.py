"""The viewer gets what was stored, turned and scaled, and by its tone it shows what `decode` shows."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image

from ml.imaging import decode
from ml.imaging.greyscale import Greyscale, greyscale
from ml.imaging.phantom import phantom_dicom
from ml.imaging.sandbox import Sandbox
from tests.unit.ml.imaging.samples import SIDE, dicom, grey_jpeg, ramp, saved, xray_of


def meaning(found: Greyscale) -> np.ndarray:
    return found.raw.astype(np.float32) * np.float32(found.slope) + np.float32(found.intercept)


def shown(found: Greyscale) -> np.ndarray:
    """Float (height, width) in [0, 1]: the values through the tone."""
    tone = found.tone
    places = (meaning(found).astype(np.float64) - tone.centre) / tone.width
    if not tone.curve:
        return np.clip(places + 0.5, 0, 1)
    last = len(tone.curve) - 1
    return np.interp((places / tone.span + 0.5) * last, np.arange(last + 1), tone.curve) / 65535


@pytest.mark.parametrize(("bits", "signed"), [(8, False), (12, False), (16, False), (12, True), (16, True)])
def test_stored_values_arrive_bit_for_bit(bits: int, signed: bool) -> None:
    stored = ramp(bits, signed=signed)
    found = greyscale(xray_of(stored, bits))
    assert np.array_equal(found.raw, stored)
    assert (found.slope, found.intercept, found.bits, found.unit) == (1, 0, bits, "")


def test_ct_values_are_hounsfield_units() -> None:
    data = phantom_dicom("CT", side=SIDE)
    dataset = pydicom.dcmread(BytesIO(data))
    found = greyscale(data)
    expected = dataset.pixel_array.astype(np.float32) + np.float32(dataset.RescaleIntercept)
    assert found.unit == "HU"
    assert np.array_equal(meaning(found), expected)


@pytest.mark.parametrize(("bits", "signed"), [(12, False), (16, False), (16, True)])
def test_monochrome1_is_turned_without_losing_a_step(bits: int, signed: bool) -> None:
    stored = ramp(bits, signed=signed)
    found = greyscale(xray_of(stored, bits, PhotometricInterpretation="MONOCHROME1"))
    ends = -1 if signed else (1 << bits) - 1
    assert np.array_equal(found.raw.astype(np.int64), ends - stored.astype(np.int64))


def test_a_16_bit_png_keeps_every_step() -> None:
    stored = ramp(16)
    found = greyscale(saved(Image.fromarray(stored)))
    assert found.raw.dtype == np.uint16
    assert np.array_equal(found.raw, stored)


def test_an_8_bit_png_stays_as_it_is() -> None:
    stored = ramp(8)
    found = greyscale(saved(Image.fromarray(stored)))
    assert found.raw.dtype == np.uint8
    assert np.array_equal(found.raw, stored)


CASES = {
    "linear": dicom(),
    "monochrome1": dicom(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"),
    "narrow": dicom(WindowCenter=2000, WindowWidth=900),
    "narrow-inverse": dicom(WindowCenter=2000, WindowWidth=900, PresentationLUTShape="INVERSE"),
    "exact": dicom(VOILUTFunction="LINEAR_EXACT", WindowCenter=1500, WindowWidth=2000),
    "sigmoid": dicom(VOILUTFunction="SIGMOID", WindowCenter=1500, WindowWidth=2000),
    "none": dicom(WindowCenter=None, WindowWidth=None),
    "scaled": dicom(RescaleSlope=0.25, RescaleIntercept=-100, WindowCenter=400, WindowWidth=800),
    "scaled-inverse": dicom(
        RescaleSlope=0.25, RescaleIntercept=-100, WindowCenter=300, WindowWidth=800, PresentationLUTShape="INVERSE"
    ),
    "ct": phantom_dicom("CT", side=SIDE),
    "too-wide": dicom(WindowCenter=2048, WindowWidth=60_000),
    "too-wide-inverse": dicom(WindowCenter=2048, WindowWidth=60_000, PresentationLUTShape="INVERSE"),
    "scout": dicom("CT", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
    "jpeg": grey_jpeg(),
    "dark-jpeg": saved(Image.fromarray(ramp(8) // 9), "JPEG", quality=95),
    "dark-png": saved(Image.fromarray(ramp(16) // 20 * np.uint16(2))),
    "hot-png": saved(Image.fromarray(np.where(ramp(16) == 65535, 65535, ramp(12)).astype(np.uint16))),
}


@pytest.mark.parametrize("data", CASES.values(), ids=CASES)
def test_the_first_picture_of_the_viewer_is_that_of_every_other_page(data: bytes) -> None:
    found, image = greyscale(data), decode(data)
    assert np.abs(shown(found) - image.pixels).max() < 1 / 255
    assert found.facts == image.facts


def lut(first: int, entries: np.ndarray, bits: int) -> pydicom.Sequence:
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return pydicom.Sequence([item])


@pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE"])
def test_a_voi_table_bends_the_tone(shape: str) -> None:
    curve = np.rint(1023 / (1 + np.exp(-(np.arange(4096) - 2000) / 300)))
    data = dicom(VOILUTSequence=lut(0, curve, 10), PresentationLUTShape=shape)
    found = greyscale(data)
    assert found.tone.curve
    assert np.abs(shown(found) - decode(data).pixels).max() < 1 / 255


def test_padding_is_the_darkest_measured_value() -> None:
    stored = np.clip(ramp(12), 300, None).astype(np.uint16)
    stored[:20] = 0
    found = greyscale(xray_of(stored, 12, PixelPaddingValue=0))
    assert (found.raw[:20] == 300).all()
    assert np.array_equal(found.raw[20:], stored[20:])


def test_spacing_says_where_it_was_measured() -> None:
    at_detector = greyscale(dicom(ImagerPixelSpacing=[0.2, 0.2]))
    in_patient = greyscale(dicom(PixelSpacing=[0.3, 0.3]))
    nowhere = greyscale(dicom(ImagerPixelSpacing=None))
    assert (at_detector.spacing, at_detector.spacing_at_detector) == ((0.2, 0.2), True)
    assert (in_patient.spacing, in_patient.spacing_at_detector) == ((0.3, 0.3), False)
    assert nowhere.spacing is None


def test_the_helper_process_gives_the_same() -> None:
    sandbox = Sandbox()
    try:
        for data in (CASES["sigmoid"], CASES["ct"], CASES["jpeg"], CASES["too-wide"]):
            there, here = sandbox.greyscale(data), greyscale(data)
            assert np.array_equal(there.raw, here.raw)
            assert there.raw.dtype == here.raw.dtype
            assert (there.tone, there.spacing, there.unit) == (here.tone, here.spacing, here.unit)
            assert there.facts == here.facts
    finally:
        sandbox.close()
