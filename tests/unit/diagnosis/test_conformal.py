"""Thresholds of a site: by hand where they can be, and what they promise whatever the probabilities look like."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nextafter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnosis.models.zone import Zone
from diagnosis.oversight.acceptance_figures import Scored, Thresholds, fit, fitted, guarantee, rank
from diagnosis.oversight.acceptance_paper import fitted_notes
from diagnosis.rules.acceptance import CONFORMAL
from ml.spec import zone_of

# Few different values, so that most draws have ties; 0 and 1 among them.
tied = st.integers(min_value=0, max_value=8).map(lambda number: number / 8)
probabilities = st.one_of(tied, st.floats(min_value=0.0, max_value=1.0))


def cases(abnormal: Sequence[float], normal: Sequence[float]) -> list[Scored]:
    return [*(Scored(True, one) for one in abnormal), *(Scored(False, one) for one in normal)]


def hundredths(start: int, count: int) -> list[float]:
    return [number / 100 for number in range(start, start + count)]


# --- by hand ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("count", "aim", "expected"),
    [(18, 95, 0), (19, 95, 1), (38, 95, 1), (39, 95, 2), (50, 95, 2), (59, 95, 3), (8, 90, 0), (9, 90, 1), (50, 90, 5)],
)
def test_the_rank_is_the_floor_of_alpha_times_one_more_than_the_cases(count: int, aim: int, expected: int) -> None:
    """19 cases make 0.05 * 20 = 1; 59 and 0.05 would give 2 where the product is computed in floats."""
    assert rank(count, aim) == expected


def test_the_thresholds_of_fifty_of_each_by_hand() -> None:
    """k = floor(0.05 * 51) = 2 of the abnormal, floor(0.10 * 51) = 5 of the others."""
    found = fit(cases(hundredths(40, 50), hundredths(1, 50)))
    assert found.lower == 0.41  # the second lowest of 0.40, 0.41 …
    assert found.upper == nextafter(0.46, inf)  # just above the fifth highest of … 0.46, 0.47, 0.48, 0.49, 0.50
    assert zone_of(0.41, found.lower, found.upper) == Zone.INDETERMINATE
    assert zone_of(0.46, found.lower, found.upper) == Zone.INDETERMINATE
    assert zone_of(nextafter(0.41, 0), found.lower, found.upper) == Zone.NEGATIVE
    assert zone_of(nextafter(0.46, 1), found.lower, found.upper) == Zone.POSITIVE


def test_too_few_cases_of_a_kind_leave_no_zone_for_it() -> None:
    few = fit(cases([0.5] * 18, [0.1] * 8))
    assert few == Thresholds(0.0, 1.0)
    assert {zone_of(one, few.lower, few.upper) for one in (0.0, 0.5, 1.0)} == {Zone.INDETERMINATE}
    assert fit([]) == Thresholds(0.0, 1.0)
    assert fit(cases([0.5] * 19, [])) == Thresholds(0.5, 1.0)


def test_a_case_that_ties_with_the_deciding_one_lies_in_neither_outer_zone() -> None:
    found = fit(cases([0.3] * 25 + [0.7] * 25, [0.3] * 25 + [0.7] * 25))
    assert found == Thresholds(0.3, nextafter(0.7, inf))
    assert {zone_of(one, found.lower, found.upper) for one in (0.3, 0.7)} == {Zone.INDETERMINATE}


def test_where_the_kinds_are_apart_the_two_thresholds_are_one_and_promise_no_less() -> None:
    assert fit(cases([0.9] * 50, [0.1] * 50)) == Thresholds(0.9, 0.9)


def test_others_at_the_highest_probability_leave_no_positive_zone() -> None:
    assert fit(cases([0.5] * 50, [1.0] * 50)).upper == 1.0


def test_what_fifty_of_each_promise() -> None:
    """Beta(1, n) has a quantile in closed form: 1 - 0.05 ** (1 / n). The others are from tables of the binomial:
    1 of 50 has the one-sided exact bound 0.0914, 4 of 50 0.1737.
    """
    assert guarantee(19, 95) == {"rank": 1, "cases": 19, "mean": 0.05, "high": pytest.approx(1 - 0.05 ** (1 / 19))}
    lower, upper = guarantee(50, 95), guarantee(50, 90)
    assert (lower["rank"], upper["rank"]) == (2, 5)
    assert (lower["mean"], upper["mean"]) == (2 / 51, 5 / 51)
    assert (lower["high"], upper["high"]) == (pytest.approx(0.0914, abs=1e-4), pytest.approx(0.1737, abs=1e-4))
    assert guarantee(18, 95) == {"rank": 0, "cases": 18, "mean": 0.0, "high": 0.0}


# --- whatever the probabilities look like -------------------------------------------------------------------
@given(st.lists(probabilities, min_size=1, max_size=80))
def test_at_most_k_of_n_and_one_fall_below_the_threshold_of_the_others(scores: list[float]) -> None:
    """The whole proof, for each draw: of n + 1 exchangeable cases each is as likely to be the later one, so the
    probability that it falls on the wrong side is the share of those that do when the others are the set.
    """
    others = [scores[:place] + scores[place + 1 :] for place in range(len(scores))]
    below = sum(
        zone_of(one, *_both(fit(cases(rest, [])))) == Zone.NEGATIVE for one, rest in zip(scores, others, strict=True)
    )
    above = sum(
        zone_of(one, *_both(fit(cases([], rest)))) == Zone.POSITIVE for one, rest in zip(scores, others, strict=True)
    )
    count = len(scores) - 1
    assert below <= rank(count, 95)
    assert above <= rank(count, 90)
    assert 100 * below <= 5 * len(scores)
    assert 100 * above <= 10 * len(scores)
    if len(set(scores)) == len(scores) and 1.0 not in scores:  # without ties it is exact
        assert (below, above) == (rank(count, 95), rank(count, 90))


def _both(found: Thresholds) -> tuple[float, float]:
    return found.lower, found.upper


@given(st.lists(probabilities, max_size=70), st.lists(probabilities, max_size=70))
def test_the_thresholds_are_in_order_and_between_0_and_1(abnormal: list[float], normal: list[float]) -> None:
    found = fit(cases(abnormal, normal))
    assert 0.0 <= found.lower <= found.upper <= 1.0
    assert fit(cases(abnormal[::-1], normal[::-1])) == found


@given(
    st.lists(probabilities, min_size=1, max_size=70),
    st.lists(probabilities, min_size=1, max_size=70),
    st.integers(min_value=0),
    probabilities,
)
def test_a_more_abnormal_answer_to_a_case_never_lowers_a_threshold(
    abnormal: list[float], normal: list[float], place: int, other: float
) -> None:
    before = fit(cases(abnormal, normal))
    for kind in (abnormal, normal):
        kind[place % len(kind)] = max(kind[place % len(kind)], other)
        after = fit(cases(abnormal, normal))
        assert after.lower >= before.lower
        assert after.upper >= before.upper
        before = after


# --- in words -----------------------------------------------------------------------------------------------
def sealed(said: dict[str, Any]) -> dict[str, Any]:
    return {"figures": {"fitted": said}}


def test_the_promise_is_said_in_plain_words_with_what_it_assumes() -> None:
    said = fitted(cases(hundredths(40, 50), hundredths(1, 50)))
    assert said["rule"] == CONFORMAL
    told = " ".join(fitted_notes(sealed(said))).replace("\xa0", " ")
    for part in (
        "41.0 % and 46.0 %",
        "of later abnormal cases at most 3.9 % are answered “not abnormal”",
        "at most 9.8 % “abnormal”",
        "an average over sets gathered in the same way, and it assumes that later cases are like those of the set",
        "with 95 % confidence, at most 9.1 % and 17.4 %",
        "The set cannot measure thresholds that were fitted on it.",
    ):
        assert part in told


def test_a_set_that_was_sealed_by_the_earlier_rule_keeps_its_thresholds_and_says_so() -> None:
    said = fitted(cases(hundredths(40, 50), hundredths(1, 50)))
    older = {name: value for name, value in said.items() if name not in ("rule", "guarantee")} | {"lower": 0.123}
    told = " ".join(fitted_notes(sealed(older)))
    assert "12.3" in told
    assert "by the rule of an earlier version" in told
    assert "What is promised" not in told
