"""Which slices of a series are asked about: none far from one that is, and none that depends on what came later."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ml.study.thinning import STRETCH, ask_each, first_of_each, settled, stretches

# Hundredths of a millimetre, as files give positions; few different ones, so that ties and equal places are drawn.
hundredths = st.one_of(st.integers(-30_000, 30_000), st.integers(-40, 40).map(lambda number: 50 * number))
series = st.lists(hundredths, max_size=80).map(lambda found: {n: place / 100 for n, place in enumerate(found)})
# From head to foot without a gap: neighbours at most 5 mm apart.
unbroken = st.tuples(hundredths, st.lists(st.integers(1, 500), max_size=80)).map(
    lambda drawn: {n: (drawn[0] - sum(drawn[1][:n])) / 100 for n in range(len(drawn[1]) + 1)}
)


def evenly(spacing: float, count: int) -> dict[int, float]:
    return {number: -spacing * number for number in range(count)}


def asked(positions: dict[int, float | None]) -> list[int]:
    return first_of_each(stretches(positions))


def distance(one: float, other: float) -> float:
    return round(abs(one - other), 2)


def test_of_slices_a_millimetre_apart_every_fifth_is_asked() -> None:
    found = asked(dict(evenly(1, 300)))
    assert len(found) == 61  # one more for the slice at 0, which lies above the first cut
    assert [high - low for low, high in pairwise(sorted(found)[1:-1])] == [5] * 58


def test_thick_slices_are_all_asked() -> None:
    for spacing in (5.0, 5.01, 7.5, 10):
        assert len(asked(dict(evenly(spacing, 60)))) == 60
    nearly: dict[int, float | None] = {n: 4.9999999 * n for n in range(60)}
    assert len(asked(nearly)) == 60


def test_where_a_slice_has_no_position_all_are_asked() -> None:
    positions: dict[int, float | None] = {**evenly(1, 20), 7: None}
    assert asked(positions) == list(range(20))
    assert settled(positions) == stretches(positions)


def test_the_slice_nearest_the_middle_comes_first_and_of_two_the_lower() -> None:
    assert stretches({"a": 0.0, "b": 2.4, "c": 4.9, "d": 5.0}) == (("b", "c", "a"), ("d",))
    assert stretches({"a": 3.0, "b": 2.0}) == (("b", "a"),)
    assert stretches({"y": 2.0, "x": 2.0}) == (("x", "y"),)
    assert stretches({"below": -0.1, "above": 0.1}) == (("below",), ("above",))


@given(unbroken)
def test_neighbours_that_are_asked_lie_at_most_ten_millimetres_apart(positions: dict[int, float | None]) -> None:
    places = sorted(positions[key] or 0.0 for key in asked(positions))
    assert all(distance(low, high) <= 2 * STRETCH for low, high in pairwise(places))


@given(series)
def test_every_slice_has_one_that_is_asked_within_five_millimetres(positions: dict[int, float | None]) -> None:
    places = [positions[key] or 0.0 for key in asked(positions)]
    for place in positions.values():
        assert min(distance(place or 0.0, other) for other in places) < STRETCH


@given(series)
def test_each_slice_lies_in_one_stretch(positions: dict[int, float | None]) -> None:
    assert sorted(key for members in stretches(positions) for key in members) == sorted(positions)


@given(series, st.randoms())
def test_the_order_in_which_slices_come_does_not_matter(positions: dict[int, float | None], random: object) -> None:
    shuffled = list(positions.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert stretches(dict(shuffled)) == stretches(positions)


@given(st.one_of(series, unbroken), st.integers(0, 80), st.booleans())
def test_what_is_settled_before_the_last_slice_came_stays(
    positions: dict[int, float | None], count: int, upwards: bool
) -> None:
    """A series arrives from one end; what came is asked the same, but for the stretches at its ends."""
    coming = sorted(positions.items(), key=lambda item: item[1] or 0.0, reverse=not upwards)
    partial = dict(coming[: count % (len(coming) + 1)])
    assert set(settled(partial)) <= set(stretches(positions))
    assert set(first_of_each(settled(partial))) <= set(asked(positions))


def test_a_refused_slice_is_replaced_by_the_next_of_its_stretch() -> None:
    rounds: list[list[str]] = []

    def ask(keys: list[str]) -> list[str]:
        rounds.append(keys)
        return [key for key in keys if key not in ("b", "z")]

    ask_each((("a", "b", "c"), ("x", "y"), ("z", "never")), ask)
    assert rounds == [["a", "x", "z"], ["b", "y"]]
