from datetime import date, datetime

import pytest

from ml.imaging import DicomHeader, PersonName, decode
from ml.imaging.names import NameGroup
from ml.imaging.tags import clean, parse_date, parse_time
from ml.spec import Modality
from tests.unit.ml.imaging.samples import dicom

MOMENT = datetime(2024, 5, 17, 14, 15, 2)  # noqa: DTZ001 - DICOM times have no zone


def header(modality: str = "DX", **overrides: object) -> DicomHeader:
    found = decode(dicom(modality, **overrides)).header
    assert found is not None
    return found


def test_a_whole_header() -> None:
    found = header(
        "CR",
        PatientName="Müller^Änne^Luise",
        PatientID=" 4711 ",
        PatientBirthDate="19560229",
        PatientSex="F",
        AccessionNumber="A-1",
        AcquisitionDate="20240517",
        AcquisitionTime="141502.25",
        PixelSpacing=[0.2, 0.2],
    )
    assert found.modality is Modality.CXR
    assert (found.modality_code, found.sex, found.patient_id, found.accession_number) == ("CR", "F", "4711", "A-1")
    assert found.patient_name == "Müller, Änne Luise"
    assert found.person.groups == (NameGroup("Müller", "Änne", "Luise"),)
    assert (found.birth_date, found.acquired_at) == (date(1956, 2, 29), MOMENT)
    assert (found.pixel_spacing, found.spacing_at_detector) == ((0.2, 0.2), False)
    assert (found.body_part, found.view, found.photometric) == ("CHEST", "PA", "MONOCHROME2")
    assert found.image_type == ("DERIVED", "PRIMARY")
    assert found.transfer_syntax == "1.2.840.10008.1.2.1"
    assert found.study_instance_uid.startswith("2.25.")


def test_an_empty_header() -> None:
    gone = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "SOPInstanceUID")
    times = ("AcquisitionDate", "StudyDate", "ImagerPixelSpacing", "InstanceNumber")
    found = header(**dict.fromkeys(gone + times))
    assert (found.patient_name, found.patient_id, found.sex, found.sop_instance_uid) == ("", "", "", "")
    assert (found.birth_date, found.acquired_at, found.pixel_spacing, found.instance_number) == (None,) * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("19400305", date(1940, 3, 5)),
        ("1999.05.24", date(1999, 5, 24)),
        ("1999-05-24", date(1999, 5, 24)),
        ("19401305", None),
        ("20230229", None),
        ("00010101", None),
        ("1940", None),
        ("today", None),
        ("", None),
    ],
)
def test_dates_are_read_with_tolerance(text: str, expected: date | None) -> None:
    assert parse_date(text) == expected
    assert header(PatientBirthDate=text).birth_date == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("185059", "18:50:59"), ("11:42:21", "11:42:21"), ("1751", "17:51:00"), ("142530.125", "14:25:30"), ("25", None)],
)
def test_times_are_read_with_tolerance(text: str, expected: str | None) -> None:
    found = parse_time(text)
    assert (found.isoformat() if found else None) == expected


@pytest.mark.parametrize("spacing", [[0, 0], [-1, 1], [1e9, 1e9], [0.2]])
def test_impossible_spacing_counts_as_unknown(spacing: list[float]) -> None:
    assert header(PixelSpacing=spacing, ImagerPixelSpacing=None).pixel_spacing is None


def test_spacing_at_the_detector_is_second_best_and_says_so() -> None:
    found = header(PixelSpacing=[0, 0], ImagerPixelSpacing=[0.14, 0.14])
    assert (found.pixel_spacing, found.spacing_at_detector) == ((0.14, 0.14), True)


def test_slices_know_their_place() -> None:
    found = header("CT", ImagePositionPatient=[-190, -190, -75.5], InstanceNumber=7)
    assert (found.modality, found.slice_position, found.instance_number) == (Modality.CT, -75.5, 7)


def test_texts_are_one_printable_line_of_bounded_length() -> None:
    assert clean("a\x00b\n c\t\u202ed\u200b ") == "ab c d"
    assert clean("x" * 10_000) == "x" * 64
    found = header(PatientID="9" * 60 + "\x1b[31m", AccessionNumber="<b>\x07")
    assert found.patient_id.isprintable()
    assert found.accession_number == "<b>"


@pytest.mark.parametrize(
    ("written", "recorded", "agrees"),
    [
        ("Müller^Änne", "Anne Muller", True),
        ("MUELLER^ANNE", "Anne Müller", False),
        ("Doe^Jane^Mary", "Doe, Jane", True),
        ("Doe^Jane", "Jane Mary Doe", True),
        ("Doe^Jane", "John Doe", False),
        ("Doe^Jane", "Jane Smith", False),
        ("Doe^Jane^Mary", "Doe, Jane Mary", True),
        ("Doe^Jane^Mary", "Doe, Jane M.", True),
        ("Doe^Jane^M", "Doe, Jane Mary", True),
        ("Doe^Jane^Mary", "Doe, Jane Ann", False),
        ("Doe^Jane^M", "Doe, Jane Ann", False),
        ("Doe^J", "Doe, Jane", False),
        ("Doe^Jane", "Doe", False),
        ("Doe", "Jane Doe", True),
        ("O'Neil^Sean", "Sean O Neil", True),
        ("", "Jane Doe", True),
        ("Doe^Jane", "", True),
    ],
)
def test_names_are_compared_as_people_would(written: str, recorded: str, agrees: bool) -> None:
    assert PersonName.parse(written).agrees_with(recorded) is agrees


YAMADA = {
    "alphabetic": "Yamada^Tarou",
    "ideographic": "=山田^太郎",
    "phonetic": "==やまだ^たろう",
    "all": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "ideographic, in the first group": "山田^太郎",
}


@pytest.mark.parametrize(
    ("writing", "recorded"),
    [
        ("alphabetic", "Yamada Tarou"),
        ("ideographic", "山田 太郎"),
        ("ideographic", "山田太郎"),
        ("ideographic, in the first group", "山田太郎"),
        ("phonetic", "やまだ たろう"),
        ("all", "Yamada Tarou"),
        ("all", "山田 太郎"),
        ("all", "やまだ たろう"),
    ],
)
def test_a_name_agrees_in_any_of_its_writings(writing: str, recorded: str) -> None:
    name = PersonName.parse(YAMADA[writing])
    assert name.agrees_with(recorded)
    for other in ("Suzuki Hanako", "鈴木 花子", "山田 花子", "山田花子", "すずき はなこ"):
        assert not name.agrees_with(other)


def test_a_sound_mark_makes_another_name_and_a_half_width_letter_does_not() -> None:
    assert not PersonName.parse("==ただ^たろう").agrees_with("たた たろう")
    assert PersonName.parse("==ﾔﾏﾀﾞ^ﾀﾛｳ").agrees_with("ヤマダ タロウ")


HONG = "Hong^Gildong=洪^吉洞=홍^길동"
JAPANESE, KOREAN = ["", "ISO 2022 IR 87"], ["", "ISO 2022 IR 149"]


@pytest.mark.parametrize(
    ("charset", "written", "readable"),
    [
        ("ISO_IR 192", YAMADA["ideographic"], "山田 太郎"),
        ("ISO_IR 192", YAMADA["all"], "Yamada, Tarou (山田 太郎, やまだ たろう)"),
        (JAPANESE, YAMADA["ideographic"], "山田 太郎"),
        (JAPANESE, YAMADA["all"], "Yamada, Tarou (山田 太郎, やまだ たろう)"),
        (KOREAN, HONG, "Hong, Gildong (洪 吉洞, 홍 길동)"),
        ("GB18030", "Wang^XiaoDong=王^小东", "Wang, XiaoDong (王 小东)"),
        ("ISO_IR 192", "^^=^=", ""),
    ],
)
def test_every_writing_is_read_in_the_character_sets_of_the_east(
    charset: str | list[str], written: str, readable: str
) -> None:
    assert header(PatientName=written, SpecificCharacterSet=charset).patient_name == readable


def test_each_writing_may_be_as_long_as_a_name() -> None:
    assert header(PatientName=f"{'A' * 60}={'山' * 60}=={'x' * 60}").patient_name == f"{'A' * 60} ({'山' * 60})"
