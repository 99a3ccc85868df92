from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from ml.spec import ClassifierSpec, Estimate, Precision, SpecInvalid, Zone
from tests.unit.ml.specs import POINT, SPEC, spec


def test_a_spec_survives_the_way_through_json() -> None:
    assert ClassifierSpec.from_json(SPEC.to_json()) == SPEC


def test_a_spec_can_be_a_key_and_cannot_be_changed() -> None:
    assert {SPEC: 1}[spec()] == 1
    with pytest.raises(FrozenInstanceError):
        SPEC.temperature = 2.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        SPEC.metrics["accuracy"] = 1.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name": "Tiny CXR"}, "name"),
        ({"name": "../tiny"}, "name"),
        ({"version": "1.0"}, "version"),
        ({"labels": ("covid",)}, "Labels"),
        ({"labels": ("covid", "covid")}, "Labels"),
        ({"labels": ("pneumonia", "normal")}, "positive label"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"weights_sha256": "abc"}, "SHA-256"),
        ({"input_size": (0, 32)}, "input size"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(SpecInvalid, match=word):
        spec(**changes)


def test_a_threshold_is_a_probability() -> None:
    with pytest.raises(SpecInvalid, match="threshold"):
        replace(POINT, threshold=1.5)


@pytest.mark.parametrize("start", [0.2, 1.1, float("nan")])
def test_the_positive_zone_begins_between_the_threshold_and_one(start: float) -> None:
    with pytest.raises(SpecInvalid, match="positive zone"):
        replace(POINT, positive_from=start)


@pytest.mark.parametrize(
    ("probability", "zone"),
    [
        (0.0, Zone.NEGATIVE),
        (0.2999, Zone.NEGATIVE),
        (0.3, Zone.INDETERMINATE),
        (0.5999, Zone.INDETERMINATE),
        (0.6, Zone.POSITIVE),
        (1.0, Zone.POSITIVE),
    ],
)
def test_a_probability_lies_in_one_of_three_zones(probability: float, zone: Zone) -> None:
    assert POINT.zone(probability) is zone


def test_from_one_on_there_is_no_positive_zone() -> None:
    """Rounded, a probability may well be 1, and the bound says that no probability was high enough."""
    assert replace(POINT, positive_from=1.0).zone(1.0) is Zone.INDETERMINATE


def test_the_places_that_measured_a_point_are_kept_and_named_only_where_there_are_some() -> None:
    """What was hashed of points that know no such places stays as it was."""
    assert "domains" not in POINT.to_fields()
    assert "domains" not in SPEC.to_json()
    named = spec(operating_point=replace(POINT, domains=("ieee8023",)))
    assert ClassifierSpec.from_json(named.to_json()) == named


@pytest.mark.parametrize("number", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_has_no_zone(number: float) -> None:
    with pytest.raises(ValueError, match="no probability"):
        POINT.zone(number)


def test_a_spec_older_than_the_zones_has_no_indeterminate_one() -> None:
    fields = json.loads(SPEC.to_json())
    del fields["operating_point"]["positive_from"]
    point = ClassifierSpec.from_json(json.dumps(fields)).operating_point
    assert point.positive_from == point.threshold
    assert [point.zone(number) for number in (0.2999, 0.3)] == [Zone.NEGATIVE, Zone.POSITIVE]


def test_an_estimate_is_finite_and_the_right_way_up() -> None:
    with pytest.raises(SpecInvalid):
        Estimate(0.5, 0.6, 0.4)
    with pytest.raises(SpecInvalid):
        Estimate(float("nan"), 0.4, 0.6)
    assert str(Estimate(0.94, 0.9, 0.97)) == "0.940 (0.900 to 0.970)"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "tiny-cxr"}', "null"])
def test_text_that_is_no_spec_is_refused(text: str) -> None:
    with pytest.raises(SpecInvalid):
        ClassifierSpec.from_json(text)


def test_unknown_and_missing_fields_are_refused() -> None:
    fields = json.loads(SPEC.to_json())
    with pytest.raises(SpecInvalid):
        ClassifierSpec.from_json(json.dumps(fields | {"surprise": 1}))
    del fields["must_not_use"]
    with pytest.raises(SpecInvalid, match="must_not_use"):
        ClassifierSpec.from_json(json.dumps(fields))


def test_a_spec_older_than_the_choice_of_a_precision_holds_float16() -> None:
    fields = json.loads(spec(precision=Precision.INT8).to_json())
    assert ClassifierSpec.from_json(json.dumps(fields)).precision is Precision.INT8
    del fields["precision"]
    assert ClassifierSpec.from_json(json.dumps(fields)).precision is Precision.FLOAT16


def test_an_unknown_precision_is_refused() -> None:
    fields = json.loads(SPEC.to_json()) | {"precision": "int4"}
    with pytest.raises(SpecInvalid, match="int4"):
        ClassifierSpec.from_json(json.dumps(fields))
