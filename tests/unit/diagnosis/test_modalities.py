"""Every table that must know every modality does; a new one fails here, by the name of what lacks it."""

from __future__ import annotations

import pytest

from diagnosis import messages
from diagnosis.models.review import Category
from diagnosis.models.scan import Modality, Scan
from diagnosis.reviews.suggestions import Part, for_modality
from ml.imaging.admission import CLASSES, MODALITIES
from ml.imaging.phantom import phantom_dicom
from ml.imaging.sandbox import Sandbox
from ml.spec import Modality as MlModality

each = pytest.mark.parametrize("modality", Modality)


def test_the_portal_and_the_classifiers_mean_the_same_modalities() -> None:
    assert {one.value for one in Modality} == {one.value for one in MlModality}


@each
def test_its_name_fits_the_column(modality: Modality) -> None:
    longest = Scan._meta.get_field("modality").max_length
    assert longest is not None
    assert len(modality.value) <= longest


@each
@pytest.mark.parametrize("code", ["no_classifier", "modality_mismatch", "modality_changed", "uploaded_again"])
def test_it_has_its_sentence(modality: Modality, code: str) -> None:
    assert f"{code}/{modality.value}" in messages.SENTENCES


@each
def test_readers_are_offered_findings_and_an_impression_for_every_category(modality: Modality) -> None:
    offered = {(one.category, one.part) for one in for_modality(modality)}
    assert offered == {(category, part) for category in Category for part in Part}


@each
def test_a_dicom_phantom_of_every_code_is_admitted_as_it(modality: Modality) -> None:
    kind = MlModality(modality.value)
    codes = [code for code, named in MODALITIES.items() if named is kind]
    assert codes
    assert CLASSES[kind]
    sandbox = Sandbox()
    try:
        for code in codes:
            header = sandbox.inspect(phantom_dicom(code)).header
            assert header is not None
            assert header.modality is kind
    finally:
        sandbox.close()
