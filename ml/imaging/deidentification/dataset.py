"""A new data set with what may leave of an image; nothing of the old one is carried over unread."""

from io import BytesIO
from typing import Any

import numpy as np
from dicognito.anonymizer import Anonymizer
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

from ml.imaging.deidentification import values
from ml.imaging.deidentification.attributes import CODES, EMPTY, METHODS, MOMENTS, NUMBERS, TABLES, UIDS
from ml.imaging.deidentification.pseudonym import Pseudonym
from ml.imaging.dicom import OpenedDicom
from ml.imaging.tags import Tags
from ml.imaging.windowing import LookUpTable, read_table

_LOSSY = frozenset({uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000})


def file_of(opened: OpenedDicom, pseudonym: Pseudonym, *, burned_in: bool | None) -> bytes:
    """A DICOM file of its own, uncompressed; `burned_in` says whether the picture holds text, None: nobody knows.

    A compressed stream can carry comments and bytes behind its end, so the stored values are written anew, unaltered;
    three like samples of a pixel become one.
    """
    dataset = _kept(opened, pseudonym)
    Anonymizer(seed=pseudonym.seed).anonymize(dataset)
    _name(dataset, pseudonym)
    _say_what_was_done(dataset, burned_in=burned_in)
    _write_pixels(dataset, opened)
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _kept(opened: OpenedDicom, pseudonym: Pseudonym) -> Dataset:
    tags, dataset = opened.tags, Dataset()
    dataset.file_meta = FileMetaDataset()
    # Admitted, and so one of a few that the standard names.
    dataset.SOPClassUID = tags.text("SOPClassUID") or uid.SecondaryCaptureImageStorage
    for keyword in UIDS:
        if found := tags.text(keyword) or pseudonym.places.get(keyword):
            setattr(dataset, keyword, found)
    for keyword in CODES:
        if words := values.codes(tags, keyword):
            setattr(dataset, keyword, words if len(words) > 1 else words[0])
    for day, hour in MOMENTS.items():
        for keyword, text in values.moment(tags, day, hour):
            setattr(dataset, keyword, text)
    _keep_numbers(dataset, tags, signed=opened.shape.signed)
    return dataset


def _keep_numbers(dataset: Dataset, tags: Tags, *, signed: bool) -> None:
    for keyword in NUMBERS:
        if found := values.numbers(tags, keyword, signed=signed):
            dataset.add_new(keyword, found[0], found[1])
    for keyword in TABLES:
        tables = [table for item in tags.items(keyword) if (table := read_table(item))]
        if tables:
            setattr(dataset, keyword, [_item(table, keyword) for table in tables])


def _item(table: LookUpTable, keyword: str) -> Dataset:
    item = Dataset()
    kind = "US" if table.first >= 0 else "SS"
    item.add_new("LUTDescriptor", kind, [len(table.entries) % 65536, table.first, table.bits])
    item.add_new("LUTData", "OW", table.entries.astype("<u2").tobytes())
    if keyword == "ModalityLUTSequence":
        item.ModalityLUTType = "US"  # unspecified
    return item


def _name(dataset: Dataset, pseudonym: Pseudonym) -> None:
    dataset.PatientName = dataset.PatientID = pseudonym.name
    for keyword in EMPTY:
        setattr(dataset, keyword, "")
    for keyword in ("StudyDate", "StudyTime"):
        if keyword not in dataset:
            setattr(dataset, keyword, "")
    meta: Any = dataset.file_meta
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian


def _say_what_was_done(dataset: Dataset, *, burned_in: bool | None) -> None:
    """PS3.3 C.7.1.1: an identity is removed when it is out of the attributes and out of the picture.

    Of the picture that is said only where its device says so too and nothing was found.
    """
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    dataset.DeidentificationMethodCodeSequence = [_method(code, meaning) for code, meaning in METHODS.items()]
    if burned_in is not None:
        dataset.BurnedInAnnotation = "YES" if burned_in else "NO"
        dataset.PatientIdentityRemoved = "NO" if burned_in else "YES"


def _method(code: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", meaning
    return item


def _write_pixels(dataset: Dataset, opened: OpenedDicom) -> None:
    stored, shape = opened.stored, opened.shape
    is_turned = opened.tags.text("PhotometricInterpretation").upper() == "MONOCHROME1"
    dataset.PhotometricInterpretation = "MONOCHROME1" if is_turned else "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel = 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = shape.allocated, shape.stored, shape.stored - 1
    dataset.PixelRepresentation = int(shape.signed)
    if opened.syntax in _LOSSY:
        dataset.LossyImageCompression = "01"
    if shape.samples > 1:
        # Ready to be shown: windows are for one sample.
        dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = "127.5", "255", "LINEAR_EXACT"
    kind = np.dtype(f"<{'i' if shape.signed else 'u'}{shape.allocated // 8}")
    data = stored.astype(kind).tobytes()
    dataset.add_new("PixelData", "OW" if shape.allocated > 8 else "OB", data + b"\0" * (len(data) % 2))
