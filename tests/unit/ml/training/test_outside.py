from __future__ import annotations

import numpy as np
import pytest

from ml.training.measure.outside import (
    DECIDING,
    MarkedAnswers,
    is_informative,
    mark_together,
    mean_outside,
    measure_marks,
    measure_order,
)

NONE = float("nan")
EACH = 50


def answers(*, wrong_where_marked: int, wrong_elsewhere: int) -> MarkedAnswers:
    """EACH settled answers with the mark and EACH without it, so many of them wrong, and EACH indeterminate ones."""
    zones = np.repeat([1, 1, 0], EACH)
    positive = np.ones(3 * EACH, dtype=np.bool_)
    positive[:wrong_where_marked] = False
    positive[EACH : EACH + wrong_elsewhere] = False
    positive[2 * EACH :] = False
    outside = np.repeat([0.9, 0.1, 0.1], EACH)
    groups = np.arange(3 * EACH).astype(str)
    return MarkedAnswers(groups, positive, zones, outside, outside > DECIDING)


def test_a_result_is_marked_by_most_of_the_maps_that_show_its_finding() -> None:
    outside = np.array([[0.6, 0.6, NONE, NONE], [0.6, 0.4, 0.6, NONE], [0.4, NONE, NONE, NONE]])
    # Half of them is not most of them, and without a map there is no mark
    assert mark_together(outside, DECIDING).tolist() == [True, False, True, False]
    assert mean_outside(outside).tolist() == pytest.approx([1.6 / 3, 0.5, 0.6, NONE], nan_ok=True)


def test_indeterminate_answers_are_neither_right_nor_wrong() -> None:
    found = measure_marks(answers(wrong_where_marked=20, wrong_elsewhere=5))
    assert (found["images"], found["settled"], found["wrong"]) == (3 * EACH, 2 * EACH, 25)
    assert found["settled/marked"]["value"] == 0.4
    assert found["settled/unmarked"]["value"] == 0.1
    assert found["settled/difference"]["value"] == pytest.approx(0.3)
    # At the threshold what lies between the bounds counts as called
    assert found["threshold/unmarked"]["value"] == 0.55
    assert found["marked"]["value"] == pytest.approx(1 / 3, abs=1e-3)
    assert found["marked/negative"]["value"] == pytest.approx(20 / 75, abs=1e-3)


@pytest.mark.parametrize(
    ("where", "elsewhere", "informative"),
    [(20, 5, True), (6, 5, False), (5, 20, False)],
    ids=["more often wrong", "hardly more often", "less often wrong"],
)
def test_a_mark_is_informative_where_the_marked_are_surely_more_often_wrong(
    where: int, elsewhere: int, informative: bool
) -> None:
    found = measure_marks(answers(wrong_where_marked=where, wrong_elsewhere=elsewhere))
    assert is_informative(found) is informative


def test_a_mark_that_nobody_has_is_not_informative() -> None:
    unmarked = answers(wrong_where_marked=0, wrong_elsewhere=5).take(np.arange(EACH, 3 * EACH))
    found = measure_marks(unmarked)
    assert "settled/difference" not in found
    assert is_informative(found) is False
    assert found["marked"] == {"value": 0.0, "low": 0.0, "high": pytest.approx(0.036, abs=1e-3)}


def test_the_share_orders_wrong_answers_above_right_ones() -> None:
    told = measure_order(answers(wrong_where_marked=EACH, wrong_elsewhere=0))
    assert told is not None
    assert told["value"] == 1.0
    assert measure_order(answers(wrong_where_marked=0, wrong_elsewhere=0)) is None
