"""Which series speaks for a study."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from ml.study.series import SeriesFacts, choose_series, slice_spacing

THIN_LUNG = SeriesFacts("thin lung", 300, 1.0, kernel="B70f")
THIN_SOFT = SeriesFacts("thin soft", 300, 1.0, kernel="B31f")
THICK_LUNG = SeriesFacts("thick lung", 60, 5.0, kernel="LUNG")
UNKNOWN = SeriesFacts("unknown", 60)
MIP = SeriesFacts("mip", 60, 1.0, kernel="B70f", derived=True)
SCOUT = SeriesFacts("scout", 0)


def choice(*series: SeriesFacts[str]) -> tuple[str, str, dict[str, str]]:
    chosen = choose_series(series)
    assert chosen is not None
    return chosen.key, chosen.reason.code, {left.key: left.reason.code for left in chosen.left_out}


def test_a_study_without_axial_slices_has_none() -> None:
    assert choose_series([]) is None
    assert choose_series([SCOUT, MIP]) is None


def test_a_whole_study_in_any_order() -> None:
    for order in permutations([THIN_LUNG, THIN_SOFT, THICK_LUNG, UNKNOWN, MIP, SCOUT]):
        assert choice(*order) == (
            "thin lung",
            "lung_kernel",
            {
                "thin soft": "no_lung_kernel",
                "thick lung": "thicker",
                "unknown": "thickness_unknown",
                "mip": "derived",
                "scout": "not_axial",
            },
        )


@pytest.mark.parametrize(
    ("one", "other", "reason", "lost"),
    [
        (THIN_SOFT, THICK_LUNG, "thin_slices", "thicker"),
        (THIN_SOFT, UNKNOWN, "thin_slices", "thickness_unknown"),
        (THIN_LUNG, THIN_SOFT, "lung_kernel", "no_lung_kernel"),
        (THIN_LUNG, replace(THIN_LUNG, key="2 mm", thickness=2.0), "thinnest_slices", "thicker"),
        (THICK_LUNG, replace(THICK_LUNG, key="8 mm", thickness=8.0), "thinnest_slices", "thicker"),
        (THIN_LUNG, replace(THIN_LUNG, key="half", slices=150), "most_slices", "fewer_slices"),
        (THIN_LUNG, replace(THIN_LUNG, key="z"), "first_of_equals", "equal_series"),
    ],
)
def test_the_rules_in_their_order(one: SeriesFacts[str], other: SeriesFacts[str], reason: str, lost: str) -> None:
    assert choice(one, other) == choice(other, one) == (one.key, reason, {other.key: lost})


def test_the_only_series_needs_no_rule() -> None:
    assert choice(UNKNOWN, SCOUT) == ("unknown", "only_series", {"scout": "not_axial"})


def test_the_distance_stands_in_for_a_thickness_that_is_not_stated() -> None:
    apart = replace(UNKNOWN, key="apart", spacing=2.0)
    assert choice(apart, THICK_LUNG)[:2] == ("apart", "thin_slices")
    assert replace(apart, thickness=5.0).millimetres == 5.0


@pytest.mark.parametrize(
    ("kernel", "description", "expected"),
    [
        ("B60f", "", True),
        ("I50f\\3", "", True),
        ("Bl57d", "", True),
        ("B31s", "", False),
        ("Br40", "", False),
        ("LUNG", "", True),
        ("STANDARD", "", False),
        ("FC51", "", True),
        ("FC08", "", False),
        ("YA", "", True),
        ("B", "", False),
        ("", "Lungenfenster 1.0", True),
        ("", "Thorax Poumon", True),
        ("", "PULMÃO", True),
        ("", "Mediastinum", False),
    ],
)
def test_kernels_and_words_for_the_lungs(kernel: str, description: str, expected: bool) -> None:
    assert SeriesFacts("x", 1, kernel=kernel, description=description).is_for_lungs is expected


def test_the_distance_of_slices_is_the_usual_one() -> None:
    assert slice_spacing([0.0, -4.0, -2.0, -2.0, -16.0, -6.0]) == 2.0
    assert slice_spacing([3.0]) is None
    assert slice_spacing([]) is None
