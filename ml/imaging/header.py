"""What a DICOM file says about itself and its patient, cleaned and never trusted."""

from dataclasses import dataclass
from datetime import date, datetime

from ml.imaging.names import PersonName
from ml.imaging.role import Role
from ml.spec import Modality

NO_NAME = PersonName()


@dataclass(frozen=True, slots=True)
class DicomHeader:
    """Plain values from a DICOM header; every text is printable and cut in length.

    Texts that the file leaves out are ''. `pixel_spacing` is millimetres (row, column) of the
    pixels that are shown, which were made square where the file's are not;
    with `spacing_at_detector` it was measured at the detector and not in the patient, so
    lengths are magnified. `kernel` is the scanner's name for how the image was reconstructed,
    `slice_thickness` millimetres (CT). `slice_position` is millimetres along the patient's axis (CT).
    `clinical_question` is why the examination was asked for, else what was asked for.
    `role` is the part that the image plays in its examination.
    Identifiers are as written: some systems write none, or none that is valid.
    """

    modality_code: str
    modality: Modality
    patient_name: str = ""
    patient_id: str = ""
    birth_date: date | None = None
    sex: str = ""
    body_part: str = ""
    view: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    sop_instance_uid: str = ""
    accession_number: str = ""
    acquired_at: datetime | None = None
    instance_number: int | None = None
    pixel_spacing: tuple[float, float] | None = None
    photometric: str = ""
    transfer_syntax: str = ""
    image_type: tuple[str, ...] = ()
    person: PersonName = NO_NAME
    spacing_at_detector: bool = False
    slice_position: float | None = None
    study_description: str = ""
    series_description: str = ""
    series_number: int | None = None
    referring_physician: str = ""
    clinical_question: str = ""
    kernel: str = ""
    slice_thickness: float | None = None
    role: Role = Role.UNKNOWN
