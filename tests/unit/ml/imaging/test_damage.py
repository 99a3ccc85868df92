"""Whatever happens to a file, it is decoded or refused: nothing else comes out."""

import pydicom.uid
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.imaging import ImageRefused, decode
from tests.unit.ml.imaging.samples import (
    compressed_by_gdcm,
    compressed_by_pydicom,
    dicom,
    grey_jpeg,
    grey_png,
    ramp,
    refusal,
    xray_of,
)

FILES = {
    "png": grey_png(),
    "jpeg": grey_jpeg(),
    "xray": dicom("DX"),
    "slice": dicom("CT"),
    "rle": compressed_by_pydicom(xray_of(ramp(12), 12), pydicom.uid.RLELossless),
    "jpeg 2000": compressed_by_pydicom(xray_of(ramp(12), 12), pydicom.uid.JPEG2000Lossless),
    "jpeg lossless": compressed_by_gdcm(xray_of(ramp(12), 12), pydicom.uid.JPEGLosslessSV1),
    "jpeg-ls": compressed_by_gdcm(xray_of(ramp(12), 12), pydicom.uid.JPEGLSLossless),
}
HEAD = 1400  # most of what steers a decoder stands here

edits = st.lists(
    st.tuples(st.one_of(st.integers(0, HEAD), st.integers(0, 10**7)), st.binary(min_size=1, max_size=4)),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("name", FILES)
@given(changes=edits, cut=st.one_of(st.none(), st.floats(0, 1)))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_damaged_files_are_decoded_or_refused(name: str, changes: list[tuple[int, bytes]], cut: float | None) -> None:
    data = bytearray(FILES[name])
    for place, new in changes:
        start = place % len(data)
        data[start : start + len(new)] = new
    damaged = bytes(data[: int(len(data) * cut)] if cut is not None else data)
    try:
        image = decode(damaged)
    except ImageRefused:
        return  # anything else fails this test
    assert image.pixels.ndim == 2
    assert 0 <= image.pixels.min() < image.pixels.max() <= 1


@given(st.binary(max_size=400))
def test_noise_is_refused(data: bytes) -> None:
    assert refusal(data)
