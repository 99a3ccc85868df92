"""The values behind a picture, unchanged, for a viewer that windows them itself.

`ml.imaging.decode` gives what one window shows; this gives what was measured.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml.imaging.decoding import refusing
from ml.imaging.development import develop
from ml.imaging.dicom import OpenedDicom, open_dicom
from ml.imaging.facts import Fact
from ml.imaging.limits import DEFAULT_LIMITS, Limits
from ml.imaging.raster import open_picture
from ml.imaging.sniffing import sniff
from ml.imaging.tone import Tone
from ml.imaging.windowing import Mask, Values, modality_table, rescale

Raw = npt.NDArray[np.integer]
HOUNSFIELD = "HU"


@dataclass(frozen=True, slots=True, eq=False)
class Greyscale:
    """`raw`: (height, width) of uint8, uint16 or int16; larger is brighter.

    What a pixel means is `raw * slope + intercept`, computed in float32 as DICOM's rescale is: Hounsfield units where
    `unit` is "HU", else numbers of the detector. `tone` is how the file asks to be shown, in those numbers.
    `spacing` is millimetres (row, column); `spacing_at_detector` as in DicomHeader, `facts` as in DecodedImage.
    """

    raw: Raw
    bits: int
    tone: Tone
    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    spacing: tuple[float, float] | None = None
    spacing_at_detector: bool = False
    facts: tuple[Fact, ...] = ()


def greyscale(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Greyscale:
    """The values of a PNG, JPEG or DICOM file. Raises ImageRefused and nothing else, as `decode` does."""
    limits.check_bytes(len(data))
    kind = sniff(data)
    with refusing(kind):
        return _of_dicom(open_dicom(data, limits)) if kind == "dicom" else _of_picture(data, kind, limits)


def _of_picture(data: bytes, kind: Literal["png", "jpeg"], limits: Limits) -> Greyscale:
    """Stored greys are whole numbers below 2**bits, so undoing the division is exact."""
    picture = open_picture(data, kind, limits)
    top = (1 << picture.bits) - 1
    raw = np.rint(picture.grey * np.float32(top)).astype(np.uint8 if picture.bits == 8 else np.uint16)
    tone = Tone(picture.shown_by.centre * top, picture.shown_by.width * top)
    return Greyscale(raw, picture.bits, tone, facts=picture.facts)


def _of_dicom(opened: OpenedDicom) -> Greyscale:
    developed = develop(opened.stored, opened.tags, opened.admission)
    tone = Tone.of(developed.shown_by)
    raw, slope, intercept, ends = _meaningful(opened, developed.values)
    if developed.is_turned:
        raw = (ends - raw.astype(np.int32)).astype(raw.dtype)
        tone = tone.turned(about=slope * ends + 2 * intercept)
    header = opened.header
    return Greyscale(
        raw=np.ascontiguousarray(_without_padding(raw, developed.padding)),
        bits=opened.shape.stored,
        tone=tone,
        slope=slope,
        intercept=intercept,
        unit=HOUNSFIELD if developed.in_hounsfield else "",
        spacing=header.pixel_spacing,
        spacing_at_detector=header.spacing_at_detector,
        facts=developed.facts,
    )


def _meaningful(opened: OpenedDicom, values: Values) -> tuple[Raw, float, float, int]:
    """Whole numbers, slope, intercept, and the sum of the least and the greatest number that could be stored."""
    if table := modality_table(opened.tags):
        return values.astype(np.uint16), 1.0, 0.0, (1 << table.bits) - 1
    shape, (slope, intercept) = opened.shape, rescale(opened.tags)
    kind = np.int16 if shape.signed else np.uint8 if shape.stored == 8 else np.uint16
    return opened.stored.astype(kind), slope, intercept, -1 if shape.signed else (1 << shape.stored) - 1


def _without_padding(raw: Raw, padding: Mask | None) -> Raw:
    """Pixels that were never measured become the darkest measured value."""
    if padding is None or padding.all():
        return raw
    raw[padding] = raw[~padding].min()
    return raw
