"""The sentences offered to a reader."""

from __future__ import annotations

import pytest

from diagnosis.models.review import Category
from diagnosis.models.scan import Modality
from diagnosis.reviews.suggestions import Part, co_rads, for_modality


@pytest.mark.parametrize("modality", Modality)
@pytest.mark.parametrize("category", Category)
def test_every_category_has_findings_and_an_impression(modality: Modality, category: Category) -> None:
    parts = [one.part for one in for_modality(modality) if one.category == category]
    assert set(parts) == set(Part)
    # Each has a key: Shift+5 to Shift+0.
    assert len(parts) <= 6


def test_co_rads_belongs_to_ct_alone() -> None:
    assert [co_rads(Modality.CT, category) for category in Category] == ["4 to 5", "3", "2", "1"]
    assert not any(co_rads(Modality.CXR, category) for category in Category)
    assert not any("CO-RADS" in one.text for one in for_modality(Modality.CXR))


@pytest.mark.parametrize("category", Category)
def test_an_impression_on_ct_names_its_grade(category: Category) -> None:
    impressions = [o.text for o in for_modality(Modality.CT) if (o.category, o.part) == (category, Part.IMPRESSION)]
    grades = co_rads(Modality.CT, category).split(" to ")
    assert all(any(f"CO-RADS {grade}" in text for grade in grades) for text in impressions)


@pytest.mark.parametrize("modality", Modality)
def test_no_sentence_holds_another(modality: Modality) -> None:
    """Taking one out again must not tear another apart."""
    texts = [one.text.strip() for one in for_modality(modality)]
    assert not [(a, b) for a in texts for b in texts if a != b and a in b]
