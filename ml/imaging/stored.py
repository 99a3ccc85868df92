"""What a DICOM file says and holds as it is stored, for programs that read DICOM: nothing is decoded or cleaned."""

import array
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydicom import uid
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from ml.imaging.admission import admit
from ml.imaging.dicom import quiet, read_dataset
from ml.imaging.frame import DECODERS, checked_native, read_shape
from ml.imaging.limits import Limits
from ml.imaging.refusal import ImageRefused
from ml.imaging.tags import Tags

# An element whose JSON is longer is left out, and a file whose elements are longer altogether is refused.
MOST_ELEMENT, MOST_BYTES = 64 * 1024, 512 * 1024
# Pixels, overlays, curves and waveforms are no metadata.
_BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_CHARACTER_SET, _AVAILABLE_SYNTAX = "00080005", "00083002"
_UTF_8 = "ISO_IR 192"


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """`data`: native pixels in little endian without padding, or the encoded frame as it lies in the file."""

    data: bytes
    syntax: str


def describe(data: bytes) -> bytes:
    """The header as the DICOM JSON model has it (PS3.18 F), UTF-8, at most MOST_BYTES: tag → {"vr", "Value"}.

    Private and binary elements are left out, and what JSON or the standard cannot say. (0008,3002) is the transfer
    syntax of the file. Raises ImageRefused.
    """
    with quiet():
        dataset, syntax = read_dataset(data)
        told = dict(_elements(dataset))
    told[_CHARACTER_SET] = _plain("CS", _UTF_8)
    told[_AVAILABLE_SYNTAX] = _plain("UI", syntax)
    if sum(map(len, told.values())) > MOST_BYTES:
        raise ImageRefused("too-much-memory", variant="dicom")
    return ("{" + ",".join(f'"{tag}":{told[tag]}' for tag in sorted(told)) + "}").encode()


def _plain(vr: str, value: str) -> str:
    return json.dumps({"vr": vr, "Value": [value]})


def _elements(dataset: Dataset) -> Iterator[tuple[str, str]]:
    for tag in list(dataset.keys()):
        if tag.is_private or tag.group < 8:
            continue
        try:
            element = dataset[tag]
            text = "" if element.VR in _BULK else _json_of(element)
        except Exception:  # noqa: S112  a value that breaks its own rules, in one of many ways
            continue
        if text and len(text) <= MOST_ELEMENT:
            yield f"{tag:08X}", text


def _json_of(element: DataElement) -> str:
    """Raises for what JSON cannot say, such as a number that is none."""
    if element.VR == "SQ":
        items = [dict(_elements(item)) for item in element.value]
        written = ("{" + ",".join(f'"{tag}":{text}' for tag, text in item.items()) + "}" for item in items)
        return '{"vr":"SQ","Value":[' + ",".join(written) + "]}"
    told: dict[str, Any] = element.to_json_dict(None, MOST_ELEMENT)
    return json.dumps(told, ensure_ascii=False, allow_nan=False)


def stored_frame(data: bytes, limits: Limits) -> StoredFrame:
    """The one frame of an image that is admitted. Raises ImageRefused."""
    with quiet():
        dataset, syntax = read_dataset(data)
        tags = Tags(dataset)
        admit(tags)
        shape = read_shape(tags, limits)
        pixels = tags.raw("PixelData")
        if not isinstance(pixels, bytes) or not pixels:
            raise ImageRefused("no-pixels")
        if DECODERS[syntax]:
            return StoredFrame(next(generate_frames(pixels, number_of_frames=1), b""), syntax)
        native = checked_native(pixels, shape)[: shape.size]
    if syntax == uid.ExplicitVRBigEndian and shape.allocated == 16:
        native = _swapped(native)
    return StoredFrame(native, str(uid.ExplicitVRLittleEndian))


def _swapped(data: bytes) -> bytes:
    words = array.array("H", data)
    words.byteswap()
    return words.tobytes()
