"""The stored values of a DICOM image's single frame."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder

from ml.imaging.admission import missing
from ml.imaging.codestream import bare_frame, read_codestream
from ml.imaging.colours import is_coloured
from ml.imaging.extended import extended_values
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
    uid.JPEGExtended12Bit: "gdcm",
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
    samples: int = 1

    @property
    def size(self) -> int:
        """Bytes of the decoded frame."""
        return self.rows * self.row_size

    @property
    def row_size(self) -> int:
        return self.columns * self.samples * self.allocated // 8


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
    samples = tags.integer("SamplesPerPixel") or 1
    if samples != 1 and (allocated, stored, representation) != (8, 8, 0):
        raise ImageRefused("pixel-type", variant="dicom")
    return Shape(rows, columns, allocated, stored, representation == 1, samples)


def admit_transfer_syntax(syntax: str) -> None:
    if syntax in DECODERS:
        return
    raise ImageRefused("transfer-syntax", syntax=uid.UID(syntax).name[:60])


def checked_native(data: bytes, shape: Shape) -> bytes:
    """Without the padding that may follow the pixels (PS3.5 8.1.1): less than a row, or zeros for less than a frame."""
    excess = len(data) - shape.size
    is_padding = excess < shape.row_size or (excess < shape.size and not any(data[shape.size :]))
    if excess < 0 or not is_padding:
        raise ImageRefused("pixel-length")
    return data[: shape.size + shape.size % 2]


def _checked_encapsulated(data: bytes, shape: Shape, syntax: str) -> bytes:
    frame = next(generate_frames(data, number_of_frames=1), b"")
    if syntax == uid.RLELossless:
        if len(frame) > _RLE_MOST_GROWTH * shape.size + 64:
            raise ImageRefused("pixel-length")
        return frame
    frame = bare_frame(frame)
    found = read_codestream(frame)
    agrees = (found.rows, found.columns, found.samples) == (shape.rows, shape.columns, shape.samples)
    if not agrees or not 2 <= found.bits <= shape.allocated:
        raise ImageRefused("pixel-length")
    return frame


def read_frame(dataset: Dataset, shape: Shape, syntax: str) -> Stored:
    """Stored values, integer (rows, columns), bits above the stored ones cleared.

    `syntax` must have been admitted. The frame is measured before it is decoded, and changed in `dataset` to what was
    measured. Of three samples per pixel the grey is given, where they are grey.
    """
    data = Tags(dataset).raw("PixelData")
    if not isinstance(data, bytes) or not data:
        raise ImageRefused("no-pixels")
    if not DECODERS[syntax]:
        dataset.PixelData = checked_native(data, shape)
        return _decoded(dataset, shape, syntax)
    frame = _checked_encapsulated(data, shape, syntax)
    if syntax == uid.JPEGExtended12Bit:
        if shape.signed or shape.samples != 1:
            raise ImageRefused("pixel-type", variant="dicom")
        return extended_values(frame, shape.rows, shape.columns, shape.allocated, shape.stored)
    dataset.PixelData = encapsulate([frame])
    return _decoded(dataset, shape, syntax)


def _decoded(dataset: Dataset, shape: Shape, syntax: str) -> Stored:
    decoder, is_grey = get_decoder(uid.UID(syntax)), shape.samples == 1
    values, _ = decoder.as_array(dataset, index=0, raw=is_grey, decoding_plugin=DECODERS[syntax])
    if values.shape[:2] != (shape.rows, shape.columns):
        raise ImageRefused("pixel-length")
    return np.asarray(values) if is_grey else grey_of(values)


def grey_of(rgb: npt.NDArray[np.integer]) -> Stored:
    """Uint8 (rows, columns) of (rows, columns, 3), as PNG and JPEG are read. Raises ImageRefused for a colour image."""
    colours = np.ascontiguousarray(rgb, np.uint8)
    if is_coloured(colours):
        raise ImageRefused("colour", variant="dicom")
    return np.asarray(Image.fromarray(colours).convert("L"))
