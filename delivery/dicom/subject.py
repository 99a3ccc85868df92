"""Whose and which study an object belongs to, as its originals carry it: from a file's header, else from the record.

The header is read by the contained helper alone. What it says is kept with the delivery, so that every try builds the
same bytes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from delivery import release
from delivery.senders import Refused, TryAgain
from diagnosis.errors import FileRefused, IntakeUnavailable
from diagnosis.interchange.uids import own_or_made
from diagnosis.models import Patient, Scan, Study
from diagnosis.models.patient import Sex
from diagnosis.models.scan import FileFormat
from diagnosis.scans import intake
from ml.imaging import DicomIdentity

if TYPE_CHECKING:
    from pydicom import Dataset

SEXES = {Sex.FEMALE: "F", Sex.MALE: "M", Sex.OTHER: "O", Sex.UNKNOWN: ""}


@dataclass(frozen=True)
class Subject:
    """DICOM values as they stand in an object; empty where nobody knows. `sop_*` and `series`: of the original image,
    empty where it came as no DICOM.
    """

    study: str
    patient_name: str
    patient_id: str
    birth_date: str
    sex: str
    accession: str
    study_date: str
    study_time: str
    description: str
    referring: str
    series: str = ""
    sop_class: str = ""
    sop_instance: str = ""

    @property
    def has_original(self) -> bool:
        return bool(self.series and self.sop_class and self.sop_instance)

    def as_json(self) -> dict[str, str]:
        return asdict(self)

    def original(self) -> Dataset:
        """What an object that refers to the original image must know of it; without any pixels."""
        return self.instance(self.sop_class, self.sop_instance, self.series)

    def instance(self, sop_class: str, sop_instance: str, series: str) -> Dataset:
        from pydicom import Dataset  # noqa: PLC0415  not in a web process

        made = Dataset()
        self.fill(made)
        made.SOPClassUID, made.SOPInstanceUID, made.SeriesInstanceUID = sop_class, sop_instance, series
        return made

    def fill(self, made: Dataset) -> None:
        """The attributes of patient and study."""
        made.SpecificCharacterSet = "ISO_IR 192"
        made.StudyInstanceUID, made.StudyID = self.study, ""
        made.PatientName, made.PatientID = self.patient_name, self.patient_id
        made.PatientBirthDate, made.PatientSex = self.birth_date, self.sex
        made.AccessionNumber, made.ReferringPhysicianName = self.accession, self.referring
        made.StudyDate, made.StudyTime = self.study_date, self.study_time
        if self.description:
            made.StudyDescription = self.description


def subject_of(study: Study, image: Scan) -> Subject:
    """Of `study`, of which `image` is one. Raises Refused or TryAgain where the file cannot be read."""
    if image.file_format != FileFormat.DICOM:
        return _of_record(study, study.patient)
    said = _header(image)
    # Whoever attached the file has compared the two; what the receiver files under one of them is not theirs to judge.
    if {"record number", "birth date"} & {one.field for one in intake.differences(said, study.patient)}:
        raise Refused(release.OTHER_IN_FILE)
    return _of_header(study, said)


def _header(image: Scan) -> DicomIdentity:
    try:
        with image.original.open("rb") as file:
            return intake.identify(file.read())
    except IntakeUnavailable as error:
        raise TryAgain(str(error.sentence)) from error
    except FileRefused as error:
        raise Refused(str(error.sentence)) from error
    except FileNotFoundError as error:
        raise Refused(gettext_noop("The original file is not there any more.")) from error
    except OSError as error:
        raise TryAgain(gettext_noop("The original file cannot be read at the moment.")) from error


def _of_header(study: Study, said: DicomIdentity) -> Subject:
    return Subject(
        study=said.study_instance_uid or own_or_made(study.study_instance_uid, study.pk),
        patient_name=_written(said),
        patient_id=said.patient_id,
        birth_date=_day(said.birth_date),
        sex=said.sex if said.sex in ("F", "M", "O") else "",
        accession=said.accession_number[:16],
        **_when(said.acquired_at or study.examined_at),
        description=said.study_description,
        referring=_name(study.referring_physician),
        series=said.series_instance_uid,
        sop_class=said.sop_class_uid,
        sop_instance=said.sop_instance_uid,
    )


def _of_record(study: Study, patient: Patient) -> Subject:
    return Subject(
        study=own_or_made(study.study_instance_uid, study.pk),
        # With its sign where there is no given name, so that it is not read as a name in one piece.
        patient_name=f"{_name(patient.family_name)}^{_name(patient.given_name)}",
        patient_id=patient.medical_record_number[:64],
        birth_date=_day(patient.birth_date),
        sex=SEXES[Sex(patient.sex)],
        accession=study.accession_number[:16],
        **_when(study.examined_at),
        description=study.description,
        referring=_name(study.referring_physician),
    )


def _written(said: DicomIdentity) -> str:
    """The name in each of its writings, put together again."""
    groups = ["^".join((_name(one.family), _name(one.given), _name(one.middle))) for one in said.person.groups]
    return "=".join(group.rstrip("^") for group in groups).rstrip("=")


def _name(text: str) -> str:
    """Without the signs that have a meaning in a DICOM name; 64 characters are the most of a writing."""
    return "".join(" " if sign in "^=\\" else sign for sign in text)[:30].strip()


def _day(day: date | None) -> str:
    return f"{day:%Y%m%d}" if day else ""


def _when(moment: datetime | None) -> dict[str, Any]:
    """The day and hour on the clocks of the place; a header says no zone."""
    if moment is None:
        return {"study_date": "", "study_time": ""}
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    return {"study_date": f"{local:%Y%m%d}", "study_time": f"{local:%H%M%S}"}
