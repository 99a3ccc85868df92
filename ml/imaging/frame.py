"""The stored values of a DICOM image's single frame."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder

from ml.imaging.admission import missing
from ml.imaging.codestream import read_codestream
from ml.imaging.limits import Limits
from ml.imaging.refusal import ImageRefused
from ml.imaging.tags import Tags

Stored = npt.NDArray[np.integer]

# Transfer syntax -> the one decoder it was tested with, bit for bit. Deflated files are left
# out: their header alone can unfold into gigabytes.
DECODERS: dict[str, str] = {
    uid.ImplicitVRLittleEndian: "",
    uid.ExplicitVRLittleEndian: "",
    uid.ExplicitVRBigEndian: "",
    uid.RLELossless: "pydicom",
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGLossless: "gdcm",
    uid.JPEGLosslessSV1: "gdcm",
    uid.JPEGLSLossless: "gdcm",
    uid.JPEGLSNearLossless: "gdcm",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
}
_RLE_MOST_GROWTH = 2  # an encoder at its worst adds 1 in 128


@dataclass(frozen=True, slots=True)
class Shape:
    """How the pixels lie in the file; rows, columns in pixels, the rest in bits."""

    rows: int
    columns: int
    allocated: int
    stored: int
    signed: bool

    @property
    def size(self) -> int:
        """Bytes of the decoded frame."""
        return self.rows * self.columns * self.allocated // 8


def _whole(tags: Tags, keyword: str) -> int:
    value = tags.integer(keyword)
    if value is None:
        raise missing(keyword)
    return value


def read_shape(tags: Tags, limits: Limits) -> Shape:
    rows, columns = _whole(tags, "Rows"), _whole(tags, "Columns")
    limits.check_size(columns, rows)
    allocated, stored = _whole(tags, "BitsAllocated"), _whole(tags, "BitsStored")
    representation, high = _whole(tags, "PixelRepresentation"), tags.integer("HighBit")
    ordinary = allocated in (8, 16) and 8 <= stored <= allocated and representation in (0, 1)
    if not ordinary or high not in (None, stored - 1):
        raise ImageRefused("pixel-type", variant="dicom")
    return Shape(rows, columns, allocated, stored, representation == 1)


def admit_transfer_syntax(syntax: str) -> None:
    if syntax in DECODERS:
        return
    raise ImageRefused("transfer-syntax", syntax=uid.UID(syntax).name[:60])


def _check_native(data: bytes, shape: Shape) -> None:
    if len(data) not in (shape.size, shape.size + shape.size % 2):
        raise ImageRefused("pixel-length")


def _check_encapsulated(data: bytes, shape: Shape, syntax: str) -> None:
    frame = next(generate_frames(data, number_of_frames=1), b"")
    if syntax == uid.RLELossless:
        if len(frame) > _RLE_MOST_GROWTH * shape.size + 64:
            raise ImageRefused("pixel-length")
        return
    found = read_codestream(frame)
    agrees = (found.rows, found.columns, found.samples) == (
        shape.rows,
        shape.columns,
        1,
    )
    if not agrees or not 2 <= found.bits <= shape.allocated:
        raise ImageRefused("pixel-length")


def read_frame(dataset: Dataset, shape: Shape, syntax: str) -> Stored:
    """Stored values, integer (rows, columns), bits above the stored ones cleared.

    `syntax` must have been admitted. The frame is measured before it is decoded.
    """
    data = Tags(dataset).raw("PixelData")
    if not isinstance(data, bytes) or not data:
        raise ImageRefused("no-pixels")
    plugin = DECODERS[syntax]
    if plugin:
        _check_encapsulated(data, shape, syntax)
    else:
        _check_native(data, shape)
    decoder = get_decoder(uid.UID(syntax))
    values, _ = decoder.as_array(dataset, index=0, raw=True, decoding_plugin=plugin)
    if values.shape != (shape.rows, shape.columns):
        raise ImageRefused("pixel-length")
    return np.asarray(values)
