import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from ml.imaging import ImageRefused, decode
from tests.unit.ml.imaging.samples import dicom, ramp, refusal, xray_of


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


REFUSED = [
    ("DX", {"Modality": "MR"}, "modality"),
    ("DX", {"Modality": "US"}, "modality"),
    ("CT", {"Modality": "PT"}, "modality"),
    ("DX", {"Modality": "SR"}, "modality"),
    ("DX", {"Modality": None}, "modality"),
    ("CT", {"SOPClassUID": uid.EnhancedCTImageStorage}, "sop-class"),
    ("CT", {"SOPClassUID": uid.SecondaryCaptureImageStorage}, "sop-class"),
    ("DX", {"SOPClassUID": uid.EncapsulatedPDFStorage}, "sop-class"),
    ("DX", {"SOPClassUID": uid.CTImageStorage}, "sop-class"),
    ("DX", {"NumberOfFrames": 2}, "multi-frame"),
    ("DX", {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "colour"),
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
    ("DX", {"ViewPosition": "LL"}, "view"),
    ("DX", {"ViewPosition": "RL"}, "view"),
    ("DX", {"ViewPosition": "LATERAL"}, "view"),
    ("DX", {"ViewPosition": "RLO"}, "view"),
    ("DX", {"ViewPosition": "", "SeriesDescription": "W034 Lateral"}, "view"),
    ("DX", {"ViewPosition": "", "ViewCodeSequence": coded("left lateral")}, "view"),
    ("DX", {"ViewPosition": "", "PatientOrientation": ["A", "F"]}, "view"),
    ("CT", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
    ("CT", {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, "not-axial"),
    ("CT", {"RescaleIntercept": 0}, "not-hounsfield"),
    ("CT", {"RescaleSlope": 10}, "not-hounsfield"),
]


@pytest.mark.parametrize(("modality", "overrides", "code"), REFUSED)
def test_everything_else_is_refused(modality: str, overrides: dict[str, object], code: str) -> None:
    with pytest.raises(ImageRefused, match=r"^Th.+[,;] .+\.$") as refused:
        decode(dicom(modality, **overrides))
    assert refused.value.code == code
    assert str(refused.value) == refused.value.sentence


def test_an_empty_picture_is_refused() -> None:
    assert refusal(xray_of(ramp(12) * 0 + 7, 12)) == "blank"
