"""Does the file name the person of the record? Asking too often is ignored; asking too rarely harms."""

from __future__ import annotations

import uuid
from datetime import date
from io import BytesIO

import pytest
from PIL import Image
from pydicom.uid import SecondaryCaptureImageStorage

from diagnosis.models import Patient
from diagnosis.scans.intake import accept, differences
from ml.imaging import DicomHeader, PersonName
from ml.imaging.facts import not_classified
from ml.imaging.phantom import phantom_dicom
from ml.spec import Modality
from tests.images import xray_png

ALMA = {"medical_record_number": "MRN-0001", "family_name": "Berg", "given_name": "Alma Marie"}
BORN = date(1958, 3, 14)


def found(*, record: dict[str, object] | None = None, patient_name: str = "", **header: object) -> set[str]:
    patient = Patient(**{**ALMA, "birth_date": BORN, **(record or {})})
    person = PersonName.parse(patient_name)
    read = DicomHeader("DX", Modality.CXR, patient_name=person.readable, person=person, **header)  # type: ignore[arg-type]
    return {each.field for each in differences(read, patient)}


@pytest.mark.parametrize(
    "name",
    [
        "Berg^Alma^Marie",
        "BERG^ALMA",
        "berg^alma marie",
        "Alma Berg",
        "Berg^Álma",
        "Berg^Alma^Marie^Dr",
        "Berg^Alma^M",
        "",
        "ANONYMOUS",
        "Anonymized",
        "unknown",
        "^^^",
    ],
)
def test_names_that_may_be_the_same_person(name: str) -> None:
    assert found(patient_name=name) == set()


@pytest.mark.parametrize(
    "name", ["Holm^Alma", "Berg^Per", "Berg^Alma^Sofie", "Berg^Alma^S", "Bergmann^Alma", "Berg^Almut", "Alm^Berga"]
)
def test_names_of_others(name: str) -> None:
    assert found(patient_name=name) == {"name"}


YAMADA = {"medical_record_number": "7", "family_name": "山田", "given_name": "太郎"}


@pytest.mark.parametrize("name", ["=山田^太郎", "Yamada^Tarou=山田^太郎=やまだ^たろう", "Anonymous=山田^太郎"])
def test_a_name_in_several_writings_needs_one_that_agrees(name: str) -> None:
    assert found(record=YAMADA, patient_name=name) == set()
    assert found(patient_name=name) == {"name"}


@pytest.mark.parametrize("name", ["==", "Anonymous=="])
def test_a_name_is_unknown_where_no_writing_names_anybody(name: str) -> None:
    assert found(record=YAMADA, patient_name=name) == found(patient_name=name) == set()


@pytest.mark.parametrize(
    ("number", "same"), [("MRN-0001", True), ("mrn-0001 ", True), ("", True), ("MRN-00011", False), ("1", False)]
)
def test_record_numbers(number: str, same: bool) -> None:
    assert found(patient_id=number) == (set() if same else {"record number"})


def test_birth_dates() -> None:
    assert found(birth_date=BORN) == set()
    assert found(birth_date=None) == set()
    assert found(birth_date=date(1985, 3, 14)) == {"birth date"}


def test_a_birth_date_that_the_record_lacks_is_worth_a_question() -> None:
    assert found(record={"birth_date": None}, birth_date=BORN) == {"birth date"}


def test_every_difference_is_told_at_once() -> None:
    assert found(patient_name="Holm^Per", patient_id="9", birth_date=date(2001, 1, 1)) == {
        "name",
        "record number",
        "birth date",
    }


def test_a_file_without_a_header_disagrees_with_nobody() -> None:
    assert differences(None, Patient(**ALMA)) == []


@pytest.mark.parametrize(
    ("modality", "overrides", "variant"),
    [
        ("DX", {"ViewPosition": "LL"}, "lateral"),
        ("CT", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "scout"),
        ("CT", {"SOPClassUID": SecondaryCaptureImageStorage}, "capture"),
    ],
)
def test_what_no_classifier_may_see_is_kept_with_the_reason(
    modality: str, overrides: dict[str, object], variant: str
) -> None:
    data = phantom_dicom(modality, side=160, overrides=overrides)
    accepted = accept(data, name="a.dcm", chosen=None, patient=uuid.uuid4())
    reason = accepted.inspection.not_classified
    assert reason is not None
    assert reason.params == {"variant": variant}


def test_a_photograph_is_kept_with_the_reason() -> None:
    picture, file = Image.open(BytesIO(xray_png())).convert("L"), BytesIO()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x829A] = 0.01  # ExposureTime
    picture.save(file, "JPEG", exif=exif)
    accepted = accept(file.getvalue(), name="a.jpg", chosen=Modality.CXR, patient=uuid.uuid4())
    assert accepted.inspection.not_classified == not_classified("photograph")
