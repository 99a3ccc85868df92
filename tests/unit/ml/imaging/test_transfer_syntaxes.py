"""File -> expected stored values, for every transfer syntax that is accepted."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid

from ml.imaging import DEFAULT_LIMITS, decode
from ml.imaging.frame import DECODERS, read_frame, read_shape
from ml.imaging.tags import Tags
from tests.unit.ml.imaging.samples import (
    compressed_by_gdcm,
    compressed_by_pydicom,
    dicom,
    encapsulated,
    ramp,
    refusal,
    rewritten,
    saved,
    xray_of,
)

EXACT = {
    uid.ExplicitVRLittleEndian: rewritten,
    uid.ImplicitVRLittleEndian: rewritten,
    uid.ExplicitVRBigEndian: rewritten,
    uid.RLELossless: compressed_by_pydicom,
    uid.JPEG2000Lossless: compressed_by_pydicom,
    uid.JPEGLosslessSV1: compressed_by_gdcm,
    uid.JPEGLossless: compressed_by_gdcm,
    uid.JPEGLSLossless: compressed_by_gdcm,
}
LOSSY = {uid.JPEGBaseline8Bit, uid.JPEG2000, uid.JPEGLSNearLossless}
DEPTHS = [(8, False), (10, False), (12, False), (15, False), (16, False), (12, True), (16, True)]


def stored_values(data: bytes) -> np.ndarray:
    dataset = pydicom.dcmread(BytesIO(data))
    shape = read_shape(Tags(dataset), DEFAULT_LIMITS)
    return read_frame(dataset, shape, str(dataset.file_meta.TransferSyntaxUID))


def test_every_accepted_syntax_is_tested_here() -> None:
    assert set(DECODERS) == set(EXACT) | LOSSY


@pytest.mark.parametrize(("bits", "signed"), DEPTHS)
@pytest.mark.parametrize("syntax", EXACT, ids=lambda syntax: uid.UID(syntax).name)
def test_lossless_syntaxes_are_bit_equal(syntax: str, bits: int, signed: bool) -> None:
    values = ramp(bits, signed=signed)
    data = EXACT[syntax](xray_of(values, bits), syntax)
    assert str(pydicom.dcmread(BytesIO(data)).file_meta.TransferSyntaxUID) == syntax
    np.testing.assert_array_equal(stored_values(data), values)
    assert decode(data).bits == bits


def test_jpeg_baseline() -> None:
    frame = saved(Image.fromarray(ramp()), "JPEG", quality=95)
    data = encapsulated(xray_of(ramp(), 8), frame, uid.JPEGBaseline8Bit)
    assert np.abs(stored_values(data).astype(int) - ramp()).mean() < 2


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_2000_with_loss(bits: int) -> None:
    values = ramp(bits)
    data = compressed_by_pydicom(xray_of(values, bits), uid.JPEG2000, j2k_cr=[4])
    assert np.abs(stored_values(data).astype(int) - values).mean() < (1 << bits) / 100


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_ls_near_lossless(bits: int) -> None:
    values = ramp(bits)
    data = compressed_by_gdcm(xray_of(values, bits), uid.JPEGLSNearLossless, error=3)
    difference = np.abs(stored_values(data).astype(int) - values)
    assert 0 < difference.max() <= 3


@pytest.mark.parametrize(
    "syntax",
    [uid.DeflatedExplicitVRLittleEndian, uid.JPEGExtended12Bit, uid.HTJ2KLossless, uid.MPEG2MPML, "1.2.3.4"],
)
def test_untested_syntaxes_are_refused(syntax: str) -> None:
    dataset = pydicom.dcmread(BytesIO(dicom()))
    dataset.file_meta.TransferSyntaxUID = uid.UID(syntax)
    del dataset.PixelData  # refused before anybody looks for it
    out = BytesIO()
    pydicom.dcmwrite(out, dataset, implicit_vr=False, little_endian=True, enforce_file_format=False)
    assert refusal(out.getvalue()) == "transfer-syntax"


def test_bits_above_the_stored_ones_are_ignored() -> None:
    values = ramp(12)
    overlay = values | np.uint16(0x5000)
    data = xray_of(values, 12, PixelData=overlay.tobytes())
    np.testing.assert_array_equal(decode(data).pixels, decode(xray_of(values, 12)).pixels)


@pytest.mark.parametrize("change", [-2, 2, -1000])
def test_a_frame_of_the_wrong_length_is_refused(change: int) -> None:
    pixels = ramp(12).tobytes()
    wrong = pixels + bytes(change) if change > 0 else pixels[:change]
    assert refusal(xray_of(ramp(12), 12, PixelData=wrong)) == "pixel-length"


@pytest.mark.parametrize("syntax", sorted(set(EXACT) - {uid.RLELossless}), ids=lambda syntax: uid.UID(syntax).name)
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_cut_file_is_refused(syntax: str, share: float) -> None:
    data = EXACT[syntax](xray_of(ramp(12), 12), syntax)
    assert refusal(data[: int(len(data) * share)]) in {"damaged", "truncated", "pixel-length"}


def test_a_frame_that_disagrees_with_its_header_is_refused_before_decoding() -> None:
    larger = xray_of(ramp(12, 320), 12)
    frame = compressed_by_pydicom(larger, uid.JPEG2000Lossless)
    dataset = pydicom.dcmread(BytesIO(frame))
    dataset.Rows = dataset.Columns = 160
    out = BytesIO()
    dataset.save_as(out)
    assert refusal(out.getvalue()) == "pixel-length"
