"""Frontal images of one X-ray study together."""

from __future__ import annotations

from itertools import permutations

import pytest

from ml.spec import Estimate, OperatingPoint, Zone
from ml.study.reasons import SENTENCES, Reason
from ml.study.xray import Frontal, combine_frontals

HALF = Estimate(0.5, 0.4, 0.6)
POINT = OperatingPoint("covid", 0.2, 0.7, "tests", HALF, HALF, "nothing")


def frontal(key: str, covid: float, normal: float) -> Frontal[str]:
    return Frontal(key, {"covid": covid, "pneumonia": 1.0 - covid - normal, "normal": normal})


PA, AP, WORSE = frontal("pa", 0.1, 0.8), frontal("ap", 0.15, 0.5), frontal("worse", 0.9, 0.05)


def test_no_frontal_has_no_result() -> None:
    assert combine_frontals([], POINT) is None


def test_one_frontal_is_its_own_result() -> None:
    result = combine_frontals([PA], POINT)
    assert result is not None
    assert (result.probabilities, result.score, result.zone) == (PA.probabilities, 0.1, Zone.NEGATIVE)
    assert (result.key_image, result.images, result.notes) == ("pa", ("pa",), ())


def test_the_order_does_not_matter() -> None:
    results = [combine_frontals(order, POINT) for order in permutations([PA, AP, WORSE])]
    assert all(result == results[0] for result in results)


def test_several_are_pooled_and_agreement_adds_no_certainty() -> None:
    twice = combine_frontals([PA, frontal("again", 0.1, 0.8)], POINT)
    assert twice is not None
    assert twice.probabilities == pytest.approx(PA.probabilities)
    both = combine_frontals([PA, AP], POINT)
    assert both is not None
    assert 0.1 < both.score < 0.15
    assert sum(both.probabilities.values()) == pytest.approx(1.0)
    assert both.probabilities["covid"] / both.probabilities["normal"] == pytest.approx(
        (0.1 * 0.15 / (0.8 * 0.5)) ** 0.5
    )


def test_images_that_differ_by_both_bounds_are_told_of() -> None:
    result = combine_frontals([PA, WORSE], POINT)
    assert result is not None
    assert (result.key_image, [note.code for note in result.notes]) == ("worse", ["frontals_differ"])
    assert result.zone is Zone.INDETERMINATE


def test_other_labels_cannot_be_combined() -> None:
    with pytest.raises(ValueError, match="different labels"):
        combine_frontals([PA, Frontal("ct", {"covid": 0.5, "non-covid": 0.5})], POINT)


def test_every_reason_has_a_sentence() -> None:
    assert Reason("little_lung", {"percent": 12}).sentence.startswith(
        "Not part of the result: this slice shows only 12 %"
    )
    with pytest.raises(KeyError):
        Reason("unheard_of")
    with pytest.raises(KeyError):
        Reason("little_lung")
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())
