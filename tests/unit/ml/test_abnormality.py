from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from ml.abnormality import AbnormalityPoint
from ml.spec import SpecInvalid, Zone
from tests.unit.ml.specs import ABNORMALITY as POINT


def said(covid: float, pneumonia: float) -> dict[str, float]:
    return {"covid": covid, "pneumonia": pneumonia, "normal": 1.0 - covid - pneumonia}


def test_labels_are_added_up_and_calibrated_on_the_logit() -> None:
    expected = 1 / (1 + math.exp(-(2.0 * math.log(0.8 / 0.2) - 1.0)))
    assert POINT.probability(said(0.3, 0.5)) == pytest.approx(expected)
    assert POINT.probability(said(0.8, 0.0)) == pytest.approx(expected)


def test_a_calibration_that_changes_nothing_gives_the_sum() -> None:
    point = replace(POINT, slope=1.0, intercept=0.0)
    assert point.probability(said(0.3, 0.25)) == pytest.approx(0.55)


@pytest.mark.parametrize(("covid", "zone"), [(0.0, Zone.NEGATIVE), (1.0, Zone.POSITIVE)])
def test_certain_answers_stay_probabilities(covid: float, zone: Zone) -> None:
    probability = POINT.probability(said(covid, 0.0))
    assert 0.0 < probability < 1.0
    assert POINT.zone(probability) is zone


@pytest.mark.parametrize(
    ("probability", "zone"),
    [(0.1999, Zone.NEGATIVE), (0.2, Zone.INDETERMINATE), (0.5999, Zone.INDETERMINATE), (0.6, Zone.POSITIVE)],
)
def test_each_bound_belongs_to_the_zone_above_it(probability: float, zone: Zone) -> None:
    assert POINT.zone(probability) is zone


@pytest.mark.parametrize("probability", [-0.1, 1.1, math.nan])
def test_what_is_no_probability_has_no_zone(probability: float) -> None:
    with pytest.raises(ValueError, match="no probability"):
        POINT.zone(probability)


def test_a_point_survives_the_way_through_its_fields() -> None:
    assert AbnormalityPoint.from_fields(POINT.to_fields() | {"labels": ["covid", "pneumonia"]}) == POINT


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"labels": ()}, "Labels"),
        ({"labels": ("covid", "covid")}, "Labels"),
        ({"slope": 0.0}, "slope"),
        ({"slope": math.inf}, "slope"),
        ({"intercept": math.nan}, "intercept"),
        ({"threshold": -0.1}, "threshold"),
        ({"threshold": 0.7}, "begin between"),
        ({"abnormal_from": 1.1}, "begin between"),
    ],
)
def test_a_point_that_contradicts_itself_is_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(SpecInvalid, match=word):
        replace(POINT, **changes)
