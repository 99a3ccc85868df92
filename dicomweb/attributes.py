"""Rows as DICOM attributes in the JSON model (PS3.18 F): what searches answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.timezone import localtime

from diagnosis.models import Patient, Series, Study
from diagnosis.models.patient import Sex

Attributes = dict[str, dict[str, Any]]
SEXES = {Sex.FEMALE: "F", Sex.MALE: "M", Sex.OTHER: "O"}


def value(vr: str, *values: object) -> dict[str, Any]:
    """An element; without a value where that is empty."""
    given = [one for one in values if one not in (None, "")]
    return {"vr": vr, "Value": given} if given else {"vr": vr}


def name(family: str, given: str = "") -> dict[str, Any]:
    """A person's name. What would part it in DICOM is a blank."""
    family, given = (part.translate(str.maketrans("^=\\", "   ")) for part in (family, given))
    written = f"{family}^{given}".rstrip("^")
    return {"vr": "PN", "Value": [{"Alphabetic": written}]} if written else {"vr": "PN"}


def patient_attributes(patient: Patient) -> Attributes:
    born = patient.birth_date
    return {
        "00100010": name(patient.family_name, patient.given_name),
        "00100020": value("LO", patient.medical_record_number),
        "00100030": value("DA", born and born.strftime("%Y%m%d")),
        "00100040": value("CS", SEXES.get(Sex(patient.sex), "")),
    }


def examination_attributes(study: Study) -> Attributes:
    """What the record says of an examination: a search matches by it, and has it in its answer, as metadata do."""
    at = localtime(study.examined_at) if study.examined_at else None
    return {
        "00080020": value("DA", at and at.strftime("%Y%m%d")),
        "00080030": value("TM", at.strftime("%H%M%S") if at and study.time_is_known else ""),
        "00080050": value("SH", study.accession_number),
        "00080090": name(study.referring_physician),
        "00081030": value("LO", study.description),
    }


def study_attributes(
    study: Study, *, study_id: str, modalities: Iterable[str], series: int, instances: int
) -> Attributes:
    return {
        "00080005": value("CS", "ISO_IR 192"),
        "00080056": value("CS", "ONLINE"),
        "00080061": value("CS", *modalities),
        **examination_attributes(study),
        **patient_attributes(study.patient),
        "0020000D": value("UI", study.study_instance_uid),
        "00200010": value("SH", study_id),
        "00201206": value("IS", series),
        "00201208": value("IS", instances),
    }


def series_attributes(series: Series, *, modality: str, instances: int) -> Attributes:
    return {
        "00080005": value("CS", "ISO_IR 192"),
        "00080056": value("CS", "ONLINE"),
        "00080060": value("CS", modality),
        "0008103E": value("LO", series.description),
        "00180015": value("CS", series.body_part),
        "0020000D": value("UI", series.study.study_instance_uid),
        "0020000E": value("UI", series.series_instance_uid),
        "00200011": value("IS", series.number),
        "00201209": value("IS", instances),
    }
