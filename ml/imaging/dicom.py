"""Single-frame DICOM files of the chest (CR, DX, CT) into grey pixels."""

import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from io import BytesIO
from typing import Self, TypedDict

import numpy as np
import pydicom
from pydicom import config, uid
from pydicom.dataset import FileDataset

from ml.imaging.admission import Admission, admit
from ml.imaging.development import develop
from ml.imaging.frame import Shape, Stored, admit_transfer_syntax, read_frame, read_shape
from ml.imaging.header import DicomHeader
from ml.imaging.image import DecodedImage, refuse_blank
from ml.imaging.limits import Limits
from ml.imaging.names import PersonName
from ml.imaging.refusal import ImageRefused
from ml.imaging.squares import pixel_shape, squared
from ml.imaging.tags import Tags

# Headers break the standard every day; what matters here is checked here.
config.settings.reading_validation_mode = config.IGNORE

# warnings.catch_warnings changes the whole process, so one thread at a time.
_WARNINGS = threading.Lock()

_META_START = 132
_LONG_LENGTHS = frozenset({b"OB", b"OW", b"OF", b"SQ", b"UN", b"UT", b"UC", b"UR"})


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of pydicom."""
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


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


def read_dataset(data: bytes) -> tuple[FileDataset, str]:
    """The data set and its transfer syntax, which is admitted where the file states it. Raises ImageRefused."""
    stated = stated_transfer_syntax(data)
    if stated:
        admit_transfer_syntax(stated)
    dataset = pydicom.dcmread(BytesIO(data), force=True)
    if "DirectoryRecordSequence" in dataset:
        raise ImageRefused("sop-class", variant="directory")
    if "SOPClassUID" not in dataset and "Modality" not in dataset:
        raise _nothing_read(is_marked=data[128:132] == b"DICM")
    return dataset, stated or _guessed_transfer_syntax(dataset)


def _spacing(tags: Tags, keyword: str) -> tuple[float, float] | None:
    """Of the pixels that were made square."""
    numbers = tags.numbers(keyword)
    if len(numbers) != 2 or not all(0.01 <= number <= 10 for number in numbers):
        return None
    row, column = numbers
    return (row, column) if pixel_shape(tags) == 1 else (min(numbers), min(numbers))


def _position(tags: Tags) -> float | None:
    numbers = tags.numbers("ImagePositionPatient")
    return numbers[2] if len(numbers) == 3 else None


_MOMENTS = (
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)


def _first_moment(tags: Tags) -> datetime | None:
    """When the image was made, by the first pair of date and time that can be read."""
    moments = (tags.moment(day, hour) for day, hour in _MOMENTS)
    return next((moment for moment in moments if moment), None)


def _question(tags: Tags) -> str:
    """The reason (PS3.3 C.4.12, C.7.2.1), else the name of what was requested; here or in a request attribute."""
    places = (tags, *tags.items("RequestAttributesSequence"))
    words = ("ReasonForTheRequestedProcedure", "ReasonForStudy", "RequestedProcedureDescription")
    return next((text for word in words for place in places if (text := place.text(word))), "")


class Identification(TypedDict):
    """Whose a file is, and of which study and when, as every kind of DICOM file says it; see DicomHeader."""

    patient_name: str
    person: PersonName
    patient_id: str
    birth_date: date | None
    sex: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    accession_number: str
    study_description: str
    acquired_at: datetime | None


def read_identification(tags: Tags) -> Identification:
    person = PersonName.parse(tags.name("PatientName"))
    return Identification(
        patient_name=person.readable,
        person=person,
        patient_id=tags.text("PatientID"),
        birth_date=tags.date("PatientBirthDate"),
        sex=tags.text("PatientSex").upper()[:1],
        study_instance_uid=tags.uid("StudyInstanceUID"),
        series_instance_uid=tags.uid("SeriesInstanceUID"),
        sop_instance_uid=tags.uid("SOPInstanceUID"),
        accession_number=tags.text("AccessionNumber"),
        study_description=tags.text("StudyDescription"),
        acquired_at=_first_moment(tags),
    )


def read_header(tags: Tags, admission: Admission, syntax: str) -> DicomHeader:
    spacing = _spacing(tags, "PixelSpacing")
    at_detector = None if spacing else _spacing(tags, "ImagerPixelSpacing")
    return DicomHeader(
        modality_code=tags.text("Modality").upper(),
        modality=admission.modality,
        **read_identification(tags),
        body_part=tags.text("BodyPartExamined").upper(),
        view=tags.text("ViewPosition").upper(),
        instance_number=tags.integer("InstanceNumber"),
        pixel_spacing=spacing or at_detector,
        spacing_at_detector=at_detector is not None,
        slice_position=_position(tags),
        photometric=tags.text("PhotometricInterpretation").upper(),
        transfer_syntax=syntax,
        image_type=tags.texts("ImageType"),
        role=admission.role,
        series_description=tags.text("SeriesDescription"),
        series_number=tags.integer("SeriesNumber"),
        referring_physician=PersonName.parse(tags.name("ReferringPhysicianName")).readable,
        clinical_question=_question(tags),
        kernel=tags.text("ConvolutionKernel"),
        slice_thickness=tags.number("SliceThickness"),
    )


@dataclass(frozen=True, slots=True, eq=False)
class OpenedDicom:
    """An admitted image before any value is changed; `stored` as `read_frame` gives it."""

    tags: Tags
    admission: Admission
    syntax: str
    shape: Shape
    stored: Stored

    @property
    def header(self) -> DicomHeader:
        return read_header(self.tags, self.admission, self.syntax)

    def squared(self, limits: Limits) -> Self:
        """The same with square pixels."""
        stored, shape = squared(self.stored, self.shape, self.tags, limits)
        return replace(self, stored=stored, shape=shape)


def open_stored(data: bytes, limits: Limits) -> OpenedDicom:
    """With the pixels as they lie in the file."""
    with quiet():
        dataset, syntax = read_dataset(data)
        tags = Tags(dataset)
        admission = admit(tags)
        admit_transfer_syntax(syntax)
        shape = read_shape(tags, limits)
        return OpenedDicom(tags, admission, syntax, shape, read_frame(dataset, shape, syntax))


def open_dicom(data: bytes, limits: Limits) -> OpenedDicom:
    return open_stored(data, limits).squared(limits)


def decode_dicom(data: bytes, limits: Limits) -> DecodedImage:
    return decoded(open_dicom(data, limits))


def decoded(opened: OpenedDicom) -> DecodedImage:
    """What is shown of an image with square pixels."""
    developed = develop(opened.stored, opened.tags, opened.admission)
    pixels = np.ascontiguousarray(developed.pixels)
    refuse_blank(pixels)
    return DecodedImage(
        pixels=pixels,
        format="dicom",
        bits=opened.shape.stored,
        header=opened.header,
        not_classified=developed.not_classified,
        facts=developed.facts,
    )
