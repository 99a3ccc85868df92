from datetime import date, datetime

import numpy as np
import pydicom
import pytest

from ml.imaging import decode
from ml.imaging.phantom import chest_ct, chest_xray, phantom_dicom

MOMENT = datetime(2024, 2, 3, 4, 5, 6)  # noqa: DTZ001 - DICOM times have no zone


def test_the_xray_has_dark_lungs_a_bright_spine_and_black_air() -> None:
    picture = chest_xray(400, 400)
    lung, spine, air = picture[180:220, 90:120], picture[180:220, 190:210], picture[4:20, 4:40]
    assert air.mean() < 0.1 < lung.mean() < 0.5 < spine.mean()


def test_the_slice_is_in_hounsfield_units() -> None:
    slice_ = chest_ct(256, 256)
    assert pytest.approx(np.median(slice_[:30]), abs=10) == -1000
    assert -950 < np.median(slice_[110:146, 65:80]) < -700
    assert slice_[165:175, 120:136].mean() > 150


@pytest.mark.parametrize("draw", [chest_xray, chest_ct])
def test_opacities_brighten_the_lungs_and_seeds_repeat(draw: object) -> None:
    clear, same, other, ill = (draw(200, 200, **kw) for kw in ({}, {}, {"seed": 1}, {"opacities": 4}))
    np.testing.assert_array_equal(clear, same)
    assert (clear != other).any()
    assert ill.astype(float).mean() > clear.astype(float).mean()


@pytest.mark.parametrize("draw", [chest_xray, chest_ct])
def test_the_word_synthetic_is_burnt_in(draw: object) -> None:
    picture = draw(600, 600)
    corner = picture[540:590, 10:160]
    assert (corner == corner.max()).mean() > 0.05


@pytest.mark.parametrize(("code", "side"), [("CR", 1024), ("DX", 1024), ("CT", 512)])
def test_dicom_phantoms_carry_the_chosen_metadata(code: str, side: int) -> None:
    data = phantom_dicom(
        code,
        patient_name="Demo^Dora",
        patient_id="D-1",
        birth_date=date(1960, 1, 2),
        acquired_at=MOMENT,
    )
    image = decode(data)
    assert image.pixels.shape == (side, side)
    header = image.header
    assert header is not None
    assert (header.patient_name, header.patient_id) == ("Demo, Dora", "D-1")
    assert (header.birth_date, header.acquired_at) == (date(1960, 1, 2), MOMENT)
    assert (header.modality_code, header.body_part) == (code, "CHEST")


def test_identifiers_are_valid_and_repeat() -> None:
    def identifiers(**options: object) -> tuple[str, str, str]:
        dataset = pydicom.dcmread(pydicom.filebase.BytesIO(phantom_dicom("CT", side=160, **options)))
        return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID

    first, again, second = identifiers(), identifiers(), identifiers(instance_number=2)
    assert first == again
    assert first[:2] == second[:2]
    assert first[2] != second[2]
    assert all(pydicom.uid.UID(identifier).is_valid for identifier in first)
