"""Single-frame DICOM files of the chest (CR, DX, CT) into grey pixels."""

import struct
import threading
import warnings
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pydicom
from pydicom import config, uid
from pydicom.dataset import FileDataset

from ml.imaging.admission import admit
from ml.imaging.frame import Shape, Stored, admit_transfer_syntax, read_frame, read_shape
from ml.imaging.header import DicomHeader
from ml.imaging.image import DecodedImage, Pixels, refuse_blank
from ml.imaging.limits import Limits
from ml.imaging.names import PersonName
from ml.imaging.refusal import ImageRefused
from ml.imaging.tags import Tags
from ml.imaging.windowing import (
    Mask,
    Values,
    lung_grey,
    modality_values,
    padding_mask,
    xray_grey,
)
from ml.spec import Modality

# Headers break the standard every day; what matters here is checked here.
config.settings.reading_validation_mode = config.IGNORE

# warnings.catch_warnings changes the whole process, so one thread at a time.
_WARNINGS = threading.Lock()

_META_START = 132
_LONG_LENGTHS = frozenset({b"OB", b"OW", b"OF", b"SQ", b"UN", b"UT", b"UC", b"UR"})
_AIR = -1024.0
# Every chest slice shows air (lung, room) and soft tissue. HU.
_AIR_BELOW, _TISSUE_ABOVE, _LEAST_SHARE = -400.0, -200.0, 0.01
# Metal exceeds the upper bound, but never fills a hundredth of the slice.
_LOWEST, _HIGHEST = -4096.0, 3071.0


def stated_transfer_syntax(data: bytes) -> str:
    """(0002,0010) read by hand, '' when absent: a deflated file must not be unfolded first."""
    at = _META_START if data[128:132] == b"DICM" else 0
    while at + 12 <= len(data):
        group, element, kind, length = struct.unpack_from("<HH2sH", data, at)
        if group != 2:
            return ""
        at += 8
        if kind in _LONG_LENGTHS:
            (length,) = struct.unpack_from("<I", data, at)
            at += 4
        if element == 0x0010:
            return data[at : at + length].rstrip(b"\0 ").decode("ascii", "replace")
        at += length
    return ""


def _guessed_transfer_syntax(dataset: FileDataset) -> str:
    """For files without a meta header: uncompressed, as they turned out to be written."""
    implicit, little = dataset.original_encoding
    if not little:
        return str(uid.ExplicitVRBigEndian)
    return str(uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian)


def _nothing_read(*, is_marked: bool) -> ImageRefused:
    """pydicom gives up quietly on a file that ends too early."""
    return ImageRefused("truncated", variant="dicom") if is_marked else ImageRefused("unknown-format")


def _read(data: bytes) -> tuple[FileDataset, str]:
    """The data set and its admitted transfer syntax."""
    stated = stated_transfer_syntax(data)
    if stated:
        admit_transfer_syntax(stated)
    dataset = pydicom.dcmread(BytesIO(data), force=True)
    if "SOPClassUID" not in dataset and "Modality" not in dataset:
        raise _nothing_read(is_marked=data[128:132] == b"DICM")
    return dataset, stated or _guessed_transfer_syntax(dataset)


def _spacing(tags: Tags, keyword: str) -> tuple[float, float] | None:
    numbers = tags.numbers(keyword)
    if len(numbers) != 2 or not all(0.01 <= number <= 10 for number in numbers):
        return None
    return numbers[0], numbers[1]


def _uid(tags: Tags, keyword: str) -> str:
    return tags.text(keyword).replace(" ", "")


def _position(tags: Tags) -> float | None:
    numbers = tags.numbers("ImagePositionPatient")
    return numbers[2] if len(numbers) == 3 else None


_MOMENTS = (
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)


def read_header(tags: Tags, modality: Modality, syntax: str) -> DicomHeader:
    person = PersonName.parse(tags.text("PatientName"))
    spacing = _spacing(tags, "PixelSpacing")
    at_detector = None if spacing else _spacing(tags, "ImagerPixelSpacing")
    moments = (tags.moment(day, hour) for day, hour in _MOMENTS)
    return DicomHeader(
        modality_code=tags.text("Modality").upper(),
        modality=modality,
        patient_name=person.readable,
        person=person,
        patient_id=tags.text("PatientID"),
        birth_date=tags.date("PatientBirthDate"),
        sex=tags.text("PatientSex").upper()[:1],
        body_part=tags.text("BodyPartExamined").upper(),
        view=tags.text("ViewPosition").upper(),
        study_instance_uid=_uid(tags, "StudyInstanceUID"),
        series_instance_uid=_uid(tags, "SeriesInstanceUID"),
        sop_instance_uid=_uid(tags, "SOPInstanceUID"),
        accession_number=tags.text("AccessionNumber"),
        acquired_at=next((moment for moment in moments if moment), None),
        instance_number=tags.integer("InstanceNumber"),
        pixel_spacing=spacing or at_detector,
        spacing_at_detector=at_detector is not None,
        slice_position=_position(tags),
        photometric=tags.text("PhotometricInterpretation").upper(),
        transfer_syntax=syntax,
        image_type=tags.texts("ImageType"),
    )


def admit_hounsfield(values: Values, padding: Mask | None, tags: Tags) -> None:
    if not tags.has("RescaleSlope") or not tags.has("RescaleIntercept"):
        raise ImageRefused("missing-tag", variant="rescale")
    sample = (values if padding is None else values[~padding]).ravel()[::4]
    plausible = sample.size and sample.min() >= _LOWEST and np.percentile(sample, 99) <= _HIGHEST
    shares = (np.mean(sample < _AIR_BELOW), np.mean(sample > _TISSUE_ABOVE)) if plausible else (0,)
    if min(shares) < _LEAST_SHARE:
        raise ImageRefused("not-hounsfield")


def _ct_grey(values: Values, padding: Mask | None, tags: Tags) -> Pixels:
    admit_hounsfield(values, padding, tags)
    if padding is not None:
        values[padding] = _AIR
    return lung_grey(values)


def _is_inverted(tags: Tags) -> bool:
    """MONOCHROME1 and an INVERSE presentation are two ways to say it once (PS3.3 C.8.11.3.1.2)."""
    inverse = tags.text("PresentationLUTShape").upper() == "INVERSE"
    return inverse or tags.text("PhotometricInterpretation").upper() == "MONOCHROME1"


def _xray_grey(values: Values, padding: Mask | None, tags: Tags) -> Pixels:
    grey = xray_grey(values, tags, padding)
    if _is_inverted(tags):
        np.subtract(1, grey, out=grey)
    if padding is not None:
        grey[padding] = 0
    return grey


@dataclass(frozen=True, slots=True, eq=False)
class OpenedDicom:
    """An admitted image before any value is changed; `stored` as `read_frame` gives it."""

    tags: Tags
    modality: Modality
    syntax: str
    shape: Shape
    stored: Stored

    @property
    def is_turned(self) -> bool:
        """Whether a larger stored value is darker."""
        return not self.modality.is_tomographic and _is_inverted(self.tags)


def open_dicom(data: bytes, limits: Limits) -> OpenedDicom:
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset, syntax = _read(data)
        tags = Tags(dataset)
        modality = admit(tags)
        admit_transfer_syntax(syntax)
        shape = read_shape(tags, limits)
        return OpenedDicom(tags, modality, syntax, shape, read_frame(dataset, shape, syntax))


def decode_dicom(data: bytes, limits: Limits) -> DecodedImage:
    opened = open_dicom(data, limits)
    padding = padding_mask(opened.stored, opened.tags)
    develop = _ct_grey if opened.modality.is_tomographic else _xray_grey
    pixels = np.ascontiguousarray(develop(modality_values(opened.stored, opened.tags), padding, opened.tags))
    refuse_blank(pixels)
    return DecodedImage(
        pixels=pixels,
        format="dicom",
        bits=opened.shape.stored,
        header=read_header(opened.tags, opened.modality, opened.syntax),
    )
