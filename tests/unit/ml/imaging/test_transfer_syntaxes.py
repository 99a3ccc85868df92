"""File -> expected stored values, for every transfer syntax that is accepted."""

import struct
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.encaps import generate_frames

from ml.imaging import DEFAULT_LIMITS, ImageRefused, decode
from ml.imaging.codestream import read_codestream
from ml.imaging.facts import not_classified
from ml.imaging.frame import DECODERS, read_frame, read_shape
from ml.imaging.tags import Tags
from tests.unit.ml.imaging.samples import (
    SIDE,
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
LOSSY = {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEG2000, uid.JPEGLSNearLossless}
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
    [uid.DeflatedExplicitVRLittleEndian, uid.HTJ2KLossless, uid.MPEG2MPML, "1.2.3.4"],
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


PIXELS = ramp(12).tobytes()
TOO_LONG = {"a row": b"\1" * (2 * SIDE), "a frame": PIXELS, "an empty frame": bytes(len(PIXELS))}


@pytest.mark.parametrize("wrong", [PIXELS[:-2], PIXELS[:-1000], *(PIXELS + more for more in TOO_LONG.values())])
def test_a_frame_of_the_wrong_length_is_refused(wrong: bytes) -> None:
    assert refusal(xray_of(ramp(12), 12, PixelData=wrong)) == "pixel-length"


@pytest.mark.parametrize("padding", [b"\0\0", b"\7" * 10, b"\0" * 4096])
def test_padding_behind_the_pixels_is_left_out(padding: bytes) -> None:
    np.testing.assert_array_equal(stored_values(xray_of(ramp(12), 12, PixelData=PIXELS + padding)), ramp(12))


def only_frame(data: bytes) -> bytes:
    return next(generate_frames(pydicom.dcmread(BytesIO(data)).PixelData, number_of_frames=1))


COMPRESSED = [s for s in EXACT if uid.UID(s).is_compressed and s != uid.RLELossless]


@pytest.mark.parametrize("padding", [b"\0" * 30, b"\xff" * 30], ids=["zeros", "ones"])
@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda syntax: uid.UID(syntax).name)
def test_padding_behind_a_compressed_frame_is_left_out(syntax: str, padding: bytes) -> None:
    plain = xray_of(ramp(12), 12)
    padded = encapsulated(plain, only_frame(EXACT[syntax](plain, syntax)).rstrip(b"\0") + padding, syntax)
    np.testing.assert_array_equal(stored_values(padded), ramp(12))


def boxed(codestream: bytes, *, length: int) -> bytes:
    """A JP2 file of signature, type and codestream; `length` 0 says that the last box reaches to the end."""
    start = struct.pack(">I4sI", 12, b"jP  ", 0x0D0A870A) + struct.pack(">I4s4sI4s", 20, b"ftyp", b"jp2 ", 0, b"jp2 ")
    head = struct.pack(">I4sQ", 1, b"jp2c", length) if length > 1 else struct.pack(">I4s", length, b"jp2c")
    return start + head + codestream


@pytest.mark.parametrize("lengthy", [False, True])
def test_the_boxes_of_a_jp2_file_are_left_out(lengthy: bool) -> None:
    plain = xray_of(ramp(12), 12)
    frame = only_frame(compressed_by_pydicom(plain, uid.JPEG2000Lossless)).rstrip(b"\0")
    data = encapsulated(plain, boxed(frame, length=len(frame) + 16 if lengthy else 0), uid.JPEG2000Lossless)
    np.testing.assert_array_equal(stored_values(data), ramp(12))


def test_boxes_without_a_codestream_are_refused() -> None:
    frame = boxed(b"", length=0)[:32] + struct.pack(">I4s", 24, b"free") + bytes(16)
    assert refusal(encapsulated(xray_of(ramp(12), 12), frame, uid.JPEG2000Lossless)) == "truncated"


@pytest.mark.parametrize("tile", [160, 7000])
def test_a_small_jpeg_2000_that_claims_to_be_large_is_refused_before_decoding(tile: int) -> None:
    """By the tiles that are not there; with one large tile, by the bits that could not fill it."""
    plain = xray_of(ramp(12), 12)
    frame = bytearray(only_frame(compressed_by_pydicom(plain, uid.JPEG2000Lossless)).rstrip(b"\0"))
    struct.pack_into(">2I", frame, 8, 7000, 7000)
    struct.pack_into(">2I", frame, 24, tile, tile)
    with pytest.raises(ImageRefused) as refused:
        read_codestream(bytes(frame))
    assert (refused.value.code, refused.value.params) == ("truncated", {"variant": "compressed"})


def test_a_jpeg_2000_without_its_last_tile_part_is_refused() -> None:
    whole = only_frame(compressed_by_pydicom(xray_of(ramp(12), 12), uid.JPEG2000Lossless)).rstrip(b"\0")
    at = whole.index(b"\xff\x90")
    read_codestream(whole)
    for broken in (whole[:at] + b"\xff\xd9", whole[: at + 400] + b"\xff\xd9", whole[:at] + whole[at + 2 :]):
        with pytest.raises(ImageRefused):
            read_codestream(broken)


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


def in_three_channels(rgb: np.ndarray, photometric: str = "RGB", **overrides: object) -> bytes:
    values = {
        "Rows": rgb.shape[0],
        "Columns": rgb.shape[1],
        "SamplesPerPixel": 3,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": photometric,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelData": rgb.astype(np.uint8).tobytes(),
        **overrides,
    }
    return dicom("DX", **values)


GREY = np.repeat(ramp()[..., None], 3, axis=2)


def as_jpeg(rgb: np.ndarray) -> bytes:
    frame = saved(Image.fromarray(rgb), "JPEG", quality=95)
    return encapsulated(in_three_channels(rgb, "YBR_FULL_422"), frame, uid.JPEGBaseline8Bit)


def as_jpeg_2000(rgb: np.ndarray) -> bytes:
    return compressed_by_pydicom(in_three_channels(rgb), uid.JPEG2000Lossless)


@pytest.mark.parametrize("stored", [in_three_channels, as_jpeg, as_jpeg_2000])
def test_grey_in_three_channels_is_read_as_the_same_content_in_a_png(stored: Callable[[np.ndarray], bytes]) -> None:
    image = decode(stored(GREY))
    expected = decode(saved(Image.fromarray(GREY))).pixels
    np.testing.assert_allclose(image.pixels, expected, atol=0.03 if stored is as_jpeg else 1e-6)
    assert (image.bits, image.not_classified, image.facts) == (8, None, ())


@pytest.mark.parametrize("stored", [in_three_channels, as_jpeg, as_jpeg_2000])
def test_a_colour_image_is_refused(stored: Callable[[np.ndarray], bytes]) -> None:
    tinted = GREY.copy()
    tinted[..., 2] //= 3
    assert refusal(stored(tinted)) == "colour"


def test_a_ct_image_in_three_channels_is_not_classified() -> None:
    rescaled = dict.fromkeys(("RescaleSlope", "RescaleIntercept"))
    pixels = pydicom.dcmread(BytesIO(in_three_channels(GREY)))
    keywords = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored")
    values = {keyword: pixels[keyword].value for keyword in (*keywords, "HighBit", "PlanarConfiguration", "PixelData")}
    image = decode(dicom("CT", **values, **rescaled))
    assert image.not_classified == not_classified("capture")


@pytest.mark.parametrize("bits", [8, 12])
def test_jpeg_extended(bits: int) -> None:
    values = ramp(bits)
    found = stored_values(compressed_by_gdcm(xray_of(values, bits), uid.JPEGExtended12Bit))
    assert np.abs(found.astype(int) - values).mean() < (1 << bits) / 50


def test_jpeg_extended_with_a_sign_is_refused() -> None:
    data = compressed_by_gdcm(xray_of(ramp(12), 12), uid.JPEGExtended12Bit)
    dataset = pydicom.dcmread(BytesIO(data))
    dataset.PixelRepresentation = 1
    out = BytesIO()
    dataset.save_as(out)
    assert refusal(out.getvalue()) == "pixel-type"
