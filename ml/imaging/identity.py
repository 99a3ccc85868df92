"""Whose file a DICOM says that it is, also where nothing here can show what is in it, as in a report."""

from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO

import pydicom

from ml.imaging.dicom import read_identification, stated_transfer_syntax
from ml.imaging.frame import admit_transfer_syntax
from ml.imaging.header import NO_NAME
from ml.imaging.names import PersonName
from ml.imaging.refusal import ImageRefused
from ml.imaging.tags import Tags


@dataclass(frozen=True, slots=True)
class DicomIdentity:
    """Texts are printable, cut in length, '' where the file leaves them out; nothing of it is trusted.

    `modality_code` is DICOM's own, of any kind of file; the others are as in DicomHeader.
    """

    patient_name: str = ""
    patient_id: str = ""
    sex: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    sop_class_uid: str = ""
    accession_number: str = ""
    modality_code: str = ""
    study_description: str = ""
    birth_date: date | None = None
    acquired_at: datetime | None = None
    person: PersonName = NO_NAME


def identify(data: bytes) -> DicomIdentity:
    """Read the header alone, of a file in the DICOM file format. Raises ImageRefused where it cannot be read."""
    admit_transfer_syntax(stated_transfer_syntax(data))
    dataset = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
    if not len(dataset):
        raise ImageRefused("truncated", variant="dicom")
    tags = Tags(dataset)
    return DicomIdentity(
        **read_identification(tags),
        sop_class_uid=tags.uid("SOPClassUID"),
        modality_code=tags.text("Modality").upper()[:16],
    )
