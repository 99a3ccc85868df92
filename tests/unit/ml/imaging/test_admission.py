from collections.abc import Callable

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from ml.imaging import ImageRefused, Role, decode
from ml.imaging.facts import Fact, not_classified
from ml.imaging.greyscale import greyscale
from ml.imaging.phantom import chest_ct
from tests.unit.ml.imaging.samples import SIDE, dicom, ramp, refusal, xray_of


def coded(meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeMeaning = meaning
    return [item]


ACCEPTED = [
    ("CR", {}),
    ("DX", {}),
    ("CT", {}),
    ("DX", {"SOPClassUID": uid.DigitalXRayImageStorageForProcessing}),
    ("CR", {"SOPClassUID": uid.SecondaryCaptureImageStorage}),
    ("CT", {"SOPClassUID": None}),
    ("DX", {"NumberOfFrames": 1}),
    ("CT", {"BodyPartExamined": "HEART"}),
    ("CT", {"BodyPartExamined": "CHEST_ABDOMEN"}),
    ("CT", {"BodyPartExamined": ""}),
    ("CT", {"BodyPartExamined": None, "StudyDescription": "CT THORAX AND ABDOMEN"}),
    ("DX", {"BodyPartExamined": None, "AnatomicRegionSequence": coded("Chest")}),
    ("DX", {"ViewPosition": "AP"}),
    ("DX", {"ViewPosition": None}),
    ("DX", {"ViewPosition": "", "SeriesDescription": "PA and lateral"}),
]


@pytest.mark.parametrize(("modality", "overrides"), ACCEPTED)
def test_chest_images_are_accepted(modality: str, overrides: dict[str, object]) -> None:
    assert refusal(dicom(modality, **overrides)) == ""


CHEST = [
    *("CHEST", "Thorax", "TORACE", "POITRINE", "BRUSTKORB", "TÓRAX", "TORAX", "LUNGE", "PULMÃO", "PULMAO", "Lunge"),
    *("Pecho", "BORSTKAS", "Bröstkorg", "płuca", "KLATKA_PIERSIOWA", "AKCİĞER", "Akciğer", "HRUDNIK", "Hrudník"),
    *("Грудная_клетка", "ОГК", "Θώρακας", "胸部", "흉부", "الصدر", "CHEST_ABDOMEN", "CHEST_TSPINE"),
]
UNKNOWN = ["TORSO", "RIBS", "XYZ-7", "UNKNOWN", "THX", "躯干"]
ELSEWHERE = [
    *("KNIE", "Ellenbogen", "Schädel", "ABDOMEN", "Bauch", "TÊTE", "CRÂNE", "BACINO", "Rodilla", "JOELHO", "VOET"),
    *("Голова", "腹部", "TSPINE", "L-SPINE", "BRUSTWIRBELSÄULE", "HWS", "COLONNA DORSALE", "RACHIS THORACIQUE"),
    *("COLUMNA TORÁCICA", "грудной отдел позвоночника", "胸椎", "THORACOLUMBAR"),
]


def stating(word: str) -> dict[str, object]:
    """A body part; one that its attribute cannot write stands in a sequence."""
    is_latin = word.encode("latin-1", "ignore").decode("latin-1") == word
    stated = {"BodyPartExamined": word} if is_latin else {"AnatomicRegionSequence": coded(word)}
    return {"BodyPartExamined": None, "SpecificCharacterSet": "ISO_IR 192", **stated}


def describing(word: str) -> dict[str, object]:
    return {"BodyPartExamined": None, "SpecificCharacterSet": "ISO_IR 192", "StudyDescription": word}


@pytest.mark.parametrize("word", [*CHEST, *UNKNOWN])
@pytest.mark.parametrize("naming", [stating, describing])
def test_the_chest_is_known_in_many_languages_and_other_words_are_left_to_the_pixels(
    word: str, naming: Callable[[str], dict[str, object]]
) -> None:
    assert refusal(dicom("DX", **naming(word))) == ""


@pytest.mark.parametrize("word", ELSEWHERE)
@pytest.mark.parametrize("naming", [stating, describing])
def test_another_part_is_refused_where_it_is_named(word: str, naming: Callable[[str], dict[str, object]]) -> None:
    assert refusal(dicom("DX", **naming(word))) == "body-part"


@pytest.mark.parametrize("word", CHEST)
def test_where_the_body_part_names_the_chest_the_description_is_not_asked(word: str) -> None:
    assert refusal(dicom("CT", **stating(word), StudyDescription="CT HEAD")) == ""


@pytest.mark.parametrize("word", UNKNOWN)
def test_where_the_body_part_names_nothing_the_description_is_asked(word: str) -> None:
    assert refusal(dicom("CT", **stating(word), StudyDescription="CT HEAD")) == "body-part"


VIEWS = [
    *((Role.LATERAL, words) for words in ("LL", "LAT", "seitlich", "LATERALE", "profil", "profilo", "perfil")),
    *((Role.LATERAL, words) for words in ("latero-lateral", "zijdelings", "boczne", "боковая", "側面")),
    *((Role.FRONTAL, words) for words in ("PA", "a.p. liegend", "p.a.", "DV", "ventrodorsal", "frontale", "de face")),
    *((Role.FRONTAL, words) for words in ("Postero_Anterior", "正面", "AP décubito supino", "AP décubitus dorsal")),
    *((Role.OTHER, words) for words in ("schräg", "oblicua", "LEFT LATERAL DECUBITUS", "RAO", "décubito lateral")),
    *((Role.OTHER, words) for words in ("Seitenlage", "PA oblique")),
    *((Role.UNKNOWN, words) for words in ("bilateral", "AP/LAT", "erect", "xyz")),
]


@pytest.mark.parametrize(("role", "words"), VIEWS)
@pytest.mark.parametrize("keyword", ["ViewCodeSequence", "SeriesDescription", "ProtocolName"])
def test_views_are_known_in_many_languages(role: Role, words: str, keyword: str) -> None:
    value = coded(words) if keyword == "ViewCodeSequence" else words
    described = {"ViewPosition": None, "SpecificCharacterSet": "ISO_IR 192", keyword: value}
    header = decode(dicom("DX", **described)).header
    assert header is not None
    assert header.role is role


@pytest.mark.parametrize(("code", "role"), [("399173006", "lateral"), ("R-10232", "lateral"), ("R-10206", "frontal")])
def test_a_coded_view_is_known_whatever_its_words(code: str, role: str) -> None:
    item = coded("?")
    item[0].CodeValue = code
    header = decode(dicom("DX", ViewPosition=None, ViewCodeSequence=item)).header
    assert header is not None
    assert header.role is Role(role)


REFUSED = [
    ("DX", {"Modality": "MR"}, "modality"),
    ("DX", {"Modality": "US"}, "modality"),
    ("CT", {"Modality": "PT"}, "modality"),
    ("DX", {"Modality": "SR"}, "modality"),
    ("DX", {"Modality": None}, "modality"),
    ("CT", {"SOPClassUID": uid.EnhancedCTImageStorage}, "sop-class"),
    ("DX", {"SOPClassUID": uid.EncapsulatedPDFStorage}, "sop-class"),
    ("DX", {"SOPClassUID": uid.CTImageStorage}, "sop-class"),
    ("DX", {"NumberOfFrames": 2}, "multi-frame"),
    ("DX", {"PhotometricInterpretation": "RGB"}, "colour"),
    ("DX", {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "pixel-type"),
    ("DX", {"PhotometricInterpretation": "MONOCHROME2", "SamplesPerPixel": 3}, "colour"),
    ("DX", {"SOPClassUID": None, "DirectoryRecordSequence": coded("A disc")}, "sop-class"),
    ("DX", {"PhotometricInterpretation": "PALETTE COLOR"}, "colour"),
    ("DX", {"PhotometricInterpretation": "YBR_FULL_422"}, "colour"),
    ("DX", {"PhotometricInterpretation": None}, "missing-tag"),
    ("DX", {"Rows": None}, "missing-tag"),
    ("DX", {"BitsStored": None}, "missing-tag"),
    ("DX", {"PixelRepresentation": None}, "missing-tag"),
    ("CT", {"RescaleIntercept": None}, "missing-tag"),
    ("DX", {"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "pixel-type"),
    ("DX", {"HighBit": 15}, "pixel-type"),
    ("DX", {"PixelData": None}, "no-pixels"),
    ("DX", {"Rows": 20_000, "Columns": 20_000}, "too-many-pixels"),
    ("DX", {"Rows": 128, "Columns": 128}, "too-small"),
    ("DX", {"Rows": 0}, "too-small"),
    ("CT", {"BodyPartExamined": "HEAD"}, "body-part"),
    ("CT", {"BodyPartExamined": "ABDOMEN"}, "body-part"),
    ("DX", {"BodyPartExamined": "TSPINE"}, "body-part"),
    ("DX", {"BodyPartExamined": "THORACIC SPINE"}, "body-part"),
    ("DX", {"BodyPartExamined": "FOOT"}, "body-part"),
    ("DX", {"BodyPartExamined": "", "AnatomicRegionSequence": coded("Knee")}, "body-part"),
    ("CT", {"BodyPartExamined": "", "StudyDescription": "CT HEAD W/O CONTRAST"}, "body-part"),
    ("CT", {"BodyPartExamined": "", "ProtocolName": "Brain_Routine"}, "body-part"),
]


@pytest.mark.parametrize(("modality", "overrides", "code"), REFUSED)
def test_everything_else_is_refused(modality: str, overrides: dict[str, object], code: str) -> None:
    with pytest.raises(ImageRefused, match=r"^Th.+[,;] .+\.$") as refused:
        decode(dicom(modality, **overrides))
    assert refused.value.code == code
    assert str(refused.value) == refused.value.sentence


def test_an_empty_picture_is_refused() -> None:
    assert refusal(xray_of(ramp(12) * 0 + 7, 12)) == "blank"


KEPT = [
    ("DX", {"ViewPosition": "LL"}, "lateral", "lateral"),
    ("DX", {"ViewPosition": "RL"}, "lateral", "lateral"),
    ("DX", {"ViewPosition": "LATERAL"}, "lateral", "lateral"),
    ("DX", {"ViewPosition": "RLO"}, "other", "oblique"),
    ("DX", {"ViewPosition": "LLD"}, "other", "oblique"),
    ("DX", {"ViewPosition": "", "SeriesDescription": "W034 Lateral"}, "lateral", "lateral"),
    ("DX", {"ViewPosition": "", "ViewCodeSequence": coded("left lateral")}, "lateral", "lateral"),
    ("DX", {"ViewPosition": "", "PatientOrientation": ["A", "F"]}, "lateral", "lateral"),
    ("CT", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "scout", "scout"),
    ("CT", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "RescaleSlope": None}, "scout", "scout"),
    ("CT", {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "other", "reformat"),
    ("CT", {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1], "RescaleIntercept": 0}, "other", "reformat"),
    ("CT", {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "CT_SOM5 MIP"]}, "derived", "derived"),
    ("CT", {"SOPClassUID": uid.SecondaryCaptureImageStorage}, "derived", "capture"),
    ("CT", {"RescaleIntercept": 0}, "axial", "values"),
    ("CT", {"RescaleSlope": 10}, "axial", "values"),
]


@pytest.mark.parametrize(("modality", "overrides", "role", "variant"), KEPT)
def test_what_no_classifier_may_see_is_kept_and_says_why(
    modality: str, overrides: dict[str, object], role: str, variant: str
) -> None:
    image = decode(dicom(modality, **overrides))
    assert image.header is not None
    assert image.header.role == Role(role)
    assert image.not_classified == not_classified(variant)
    assert image.not_classified.sentence.startswith("Not classified: this is") or variant == "values"
    assert 0.05 < image.pixels.mean() < 0.95


CLASSIFIED = [
    ("DX", {"ViewPosition": "PA"}, "frontal"),
    ("CR", {"ViewPosition": "", "SeriesDescription": "Thorax AP"}, "frontal"),
    ("DX", {"ViewPosition": "", "SeriesDescription": "PA and lateral"}, "unknown"),
    ("DX", {"ViewPosition": ""}, "unknown"),
    ("CT", {}, "axial"),
    ("CT", {"ImageOrientationPatient": None}, "axial"),
    ("CT", {"ImageOrientationPatient": None, "ImageType": ["ORIGINAL", "PRIMARY"]}, "unknown"),
    ("CT", {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "VOLUME"]}, "axial"),
]


@pytest.mark.parametrize(("modality", "overrides", "role"), CLASSIFIED)
def test_the_role_of_what_a_classifier_may_see(modality: str, overrides: dict[str, object], role: str) -> None:
    image = decode(dicom(modality, **overrides))
    assert image.header is not None
    assert (image.header.role, image.not_classified) == (Role(role), None)


def test_a_reformat_keeps_its_hounsfield_units_and_a_scout_is_shown_by_its_own_window() -> None:
    reformat = dicom("CT", ImageOrientationPatient=[1, 0, 0, 0, 0, -1])
    np.testing.assert_array_equal(decode(reformat).pixels, decode(dicom("CT")).pixels)
    assert greyscale(reformat).unit == "HU"
    scout = dicom("CT", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], WindowCenter=0, WindowWidth=2001)
    hounsfield = chest_ct(SIDE, SIDE).astype(np.float32)
    np.testing.assert_allclose(decode(scout).pixels, np.clip((hounsfield + 0.5) / 2000 + 0.5, 0, 1), atol=1e-5)
    assert greyscale(scout).unit == ""


MIRRORED = (Fact("mirrored"),)
HUNG = [
    ("CT", {"ImageOrientationPatient": [-1, 0, 0, 0, 1, 0]}, MIRRORED),
    ("CT", {"ImageOrientationPatient": [1, 0, 0, 0, -1, 0]}, MIRRORED),
    ("CT", {"ImageOrientationPatient": [-1, 0, 0, 0, -1, 0]}, ()),
    ("CT", {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}, ()),
    ("CT", {"ImageOrientationPatient": [-1, 0, 0, 0, 0, -1]}, ()),
    ("DX", {"PatientOrientation": ["R", "F"]}, MIRRORED),
    ("DX", {"PatientOrientation": ["L", "F"]}, ()),
    ("DX", {"PatientOrientation": None}, ()),
    ("DX", {"PatientOrientation": "R"}, ()),
    ("DX", {"PatientOrientation": ["R", "F"], "ViewPosition": "LL"}, ()),
]


@pytest.mark.parametrize(("modality", "overrides", "facts"), HUNG)
def test_a_picture_that_its_header_calls_mirrored_says_so(
    modality: str, overrides: dict[str, object], facts: tuple[Fact, ...]
) -> None:
    data = dicom(modality, **overrides)
    assert decode(data).facts == facts
    assert greyscale(data).facts == facts
