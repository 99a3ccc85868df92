"""Slices of one series together: what may change the result, and what may not."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ml.spec import Estimate, OperatingPoint, Zone
from ml.study.ct import KEY_SLICES, METHOD, TOP_SHARE, Level, SeriesResult, Slice, combine_slices, key_slices, top_mean

HALF = Estimate(0.5, 0.4, 0.6)
POINT = OperatingPoint("covid", 0.2, 0.7, "tests", HALF, HALF, "nothing")
SEEDS = pytest.mark.parametrize("seed", range(25))


def series(probabilities: list[float], *, area: float | None = 100.0) -> list[Slice[int]]:
    """From the head down, two millimetres apart."""
    return [Slice(n, p, area, position=-2.0 * n, number=n) for n, p in enumerate(probabilities)]


def random_series(seed: int) -> list[Slice[int]]:
    random = np.random.default_rng(seed)
    number = int(random.integers(1, 60))
    return [
        Slice(n, float(random.random()), float(random.uniform(0, 300)), position=float(-n), number=n)
        for n in range(number)
    ]


def result_of(slices: list[Slice[int]]) -> SeriesResult[int]:
    result = combine_slices(slices, POINT)
    assert result is not None
    return result


def test_no_slice_has_no_result() -> None:
    assert combine_slices([], POINT) is None


@pytest.mark.parametrize(
    ("probability", "zone"), [(0.19, Zone.NEGATIVE), (0.2, Zone.INDETERMINATE), (0.7, Zone.POSITIVE)]
)
def test_one_slice_is_its_own_result(probability: float, zone: Zone) -> None:
    result = result_of([Slice(7, probability, None)])
    assert (result.score, result.zone, result.slices, result.key_slices) == (probability, zone, 1, (7,))
    assert (result.method, result.left_out) == (METHOD, ())
    assert [note.code for note in result.notes] == ["lungs_unknown"]


@SEEDS
def test_the_order_of_the_slices_does_not_matter(seed: int) -> None:
    slices = random_series(seed)
    shuffled = [slices[place] for place in np.random.default_rng(seed + 1).permutation(len(slices))]
    assert result_of(shuffled) == result_of(slices)


@SEEDS
def test_the_order_does_not_matter_without_positions_either(seed: int) -> None:
    slices = [replace(one, position=None) for one in random_series(seed)]
    assert result_of(slices[::-1]) == result_of(slices)


@SEEDS
def test_the_score_lies_between_the_mean_and_the_highest(seed: int) -> None:
    kept = random_series(seed)
    score = top_mean(kept, TOP_SHARE)
    assert top_mean(kept, 1.0) - 1e-12 <= score <= max(one.probability for one in kept)
    weights = [one.lung_area for one in kept]
    assert top_mean(kept, 1.0) == pytest.approx(np.average([one.probability for one in kept], weights=weights))


@SEEDS
def test_thinner_slices_of_the_same_chest_change_no_score(seed: int) -> None:
    slices = random_series(seed)
    halved = [
        replace(one, key=2 * one.key + half, lung_area=(one.lung_area or 0) / 2) for one in slices for half in (0, 1)
    ]
    assert result_of(halved).score == pytest.approx(result_of(slices).score)


@SEEDS
def test_the_unit_of_the_area_does_not_matter(seed: int) -> None:
    slices = random_series(seed)
    larger = [replace(one, lung_area=(one.lung_area or 0) * 37.5) for one in slices]
    assert result_of(larger).score == pytest.approx(result_of(slices).score)
    assert result_of(larger).left_out == result_of(slices).left_out


@SEEDS
def test_a_higher_slice_never_lowers_the_score(seed: int) -> None:
    slices = random_series(seed)
    place = int(np.random.default_rng(seed).integers(len(slices)))
    raised = [*slices]
    raised[place] = replace(slices[place], probability=min(1.0, slices[place].probability + 0.3))
    assert result_of(raised).score >= result_of(slices).score - 1e-12


def test_the_score_is_that_of_the_highest_third_of_the_lungs() -> None:
    assert result_of(series([0.9] * 10 + [0.0] * 20)).score == pytest.approx(0.9)
    assert result_of(series([0.9] * 5 + [0.0] * 25)).score == pytest.approx(0.45)
    one_large = [Slice(0, 0.9, 100.0), *(Slice(n, 0.0, 50.0) for n in range(1, 5))]
    assert result_of(one_large).score == pytest.approx(0.9)


def test_slices_with_hardly_any_lung_have_no_part() -> None:
    slices = [Slice(0, 0.5, 100.0), Slice(1, 0.99, 24.0), Slice(2, 0.99, None), Slice(3, 0.4, 25.0)]
    result = result_of(slices)
    assert {left.key: (left.reason.code, dict(left.reason.params)) for left in result.left_out} == {
        1: ("little_lung", {"percent": 24}),
        2: ("lungs_not_found", {}),
    }
    assert (result.slices, result.score) == (2, pytest.approx(0.5))
    assert set(result.key_slices) == {0}


def test_where_no_slice_has_lungs_all_count_the_same() -> None:
    result = result_of(series([0.1, 0.9, 0.5], area=None))
    assert (result.slices, result.left_out, result.score) == (3, (), pytest.approx(0.9))
    assert "lungs_unknown" in [note.code for note in result.notes]


def test_shares_count_slices_and_lung_area_at_both_bounds() -> None:
    slices = [Slice(0, 0.1, 100.0), Slice(1, 0.2, 50.0), Slice(2, 0.7, 50.0)]
    result = result_of(slices)
    assert (result.at_threshold.slices, result.at_threshold.lung_area) == (pytest.approx(2 / 3), pytest.approx(0.5))
    assert (result.clearly_positive.slices, result.clearly_positive.lung_area) == (
        pytest.approx(1 / 3),
        pytest.approx(0.25),
    )


def test_thirds_go_from_the_head_down() -> None:
    result = result_of(series([0.9] * 10 + [0.1] * 10 + [0.3] * 10))
    assert [(third.level, third.slices) for third in result.thirds] == [
        (Level.UPPER, 10),
        (Level.MIDDLE, 10),
        (Level.LOWER, 10),
    ]
    assert [third.mean for third in result.thirds] == pytest.approx([0.9, 0.1, 0.3])
    assert [third.clearly_positive.slices for third in result.thirds] == [1.0, 0.0, 0.0]
    assert [third.at_threshold.lung_area for third in result.thirds] == [1.0, 0.0, 1.0]


def test_a_third_is_one_of_the_way_and_not_of_the_number() -> None:
    slices = [Slice(n, 0.5, 1.0, position=place) for n, place in enumerate((0.0, -1.0, -2.0, -90.0))]
    assert [(third.level, third.slices) for third in result_of(slices).thirds] == [(Level.UPPER, 3), (Level.LOWER, 1)]


def test_without_every_position_nothing_is_said_of_the_place() -> None:
    slices = series([0.5] * 6)
    slices[3] = replace(slices[3], position=None)
    result = result_of(slices)
    assert result.thirds == ()
    assert [note.code for note in result.notes] == ["slice_bounds", "positions_unknown"]


def test_key_slices_are_the_highest_apart_from_each_other_from_the_head_down() -> None:
    probabilities = [0.1] * 40
    for place, height in ((5, 0.9), (6, 0.9), (7, 0.9), (20, 0.8), (21, 0.8), (19, 0.8), (33, 0.95)):
        probabilities[place] = height
    found = key_slices(series(probabilities))
    assert len(found) == KEY_SLICES
    assert list(found) == sorted(found)
    assert {6, 20} < set(found)
    assert all(high - low >= 4 for low, high in pairwise(found))


def test_a_spike_is_no_key_slice_where_there_are_stretches() -> None:
    probabilities = [0.1] * 60
    for place in (5, 15, 25, 35, 45):
        probabilities[place - 1 : place + 2] = [0.6] * 3
    probabilities[55] = 0.9
    assert key_slices(series(probabilities)) == (5, 15, 25, 35, 45)


def test_neighbours_are_never_both_key_slices() -> None:
    assert key_slices(series([0.5, 0.4])) == (0,)


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="no probability"):
        Slice(0, float("nan"), 1.0)
    with pytest.raises(ValueError, match="no slice"):
        top_mean([], 1.0)
