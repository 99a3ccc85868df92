from __future__ import annotations

import numpy as np
import pytest

from ml.ensemble import EnsembleSpec
from ml.spec import Modality
from ml.training.measure.bootstrap import estimates
from ml.training.measure.outside import (
    DECIDING,
    MarkedAnswers,
    is_informative,
    mark_together,
    mean_outside,
    measure_marks,
    measure_order,
)
from ml.training.publish.asking import newest
from ml.training.publish.combine import WEIGHTS_ROOT
from ml.training.publish.outside import Look, summarise
from tests.unit.ml.training.rows import row

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
    # Of a few wrong answers an order is that of single images
    assert measure_order(answers(wrong_where_marked=9, wrong_elsewhere=0)) is None


@pytest.mark.usefixtures("few_resamples")
def test_what_ships_is_asked_each_question_of_the_images_that_can_answer_it() -> None:
    """An ensemble is marked by the maps of its members, each classifier by its own."""
    spec = newest(WEIGHTS_ROOT, Modality.CXR)
    odd, *others = spec.members
    kinds = [("rsna", "normal"), ("rsna-opacity", "pneumonia"), ("ieee8023", "covid"), ("ieee8023", "pneumonia")]
    rows = [row(number, source=source, label=label) for number, (source, label) in enumerate(kinds * 5)]
    looks = [look(spec, {odd: 0.9, **dict.fromkeys(others, 0.1)}, abnormal=each.label != "normal") for each in rows]
    found = summarise(spec, WEIGHTS_ROOT, rows, looks)
    first, second = (found["questions"][name] for name in ("abnormal", "covid"))
    assert set(first) == set(second) == {spec.identity, *spec.members}
    assert (first[odd]["network"]["0.5"]["images"], second[odd]["network"]["0.5"]["images"]) == (10, 10)
    assert first[spec.identity]["network"]["0.5"]["marked"]["value"] == 0.0
    assert first[odd]["network"]["0.5"]["marked"]["value"] == 1.0
    assert first[odd]["thresholds"]["0.5"]["marked"]["value"] == 0.0, "no lungs were found"
    assert first[spec.identity]["network"]["0.5"]["settled/unmarked"]["value"] == 0.0
    assert found["found"] == {"thresholds": 0.0, "network": 1.0}
    assert found["informative"] == {"thresholds": False, "network": False}


def look(spec: EnsembleSpec, outside: dict[str, float], *, abnormal: bool) -> Look:
    """One image of which all say the same and that rightly; lungs are found by the network alone."""
    said = dict(zip(spec.labels, (0.499, 0.499, 0.002) if abnormal else (0.001, 0.001, 0.998), strict=True))
    nowhere = dict.fromkeys(outside, NONE)
    return Look(
        dict.fromkeys((spec.identity, *spec.members), said),
        {"thresholds": nowhere, "network": outside},
        {"thresholds": False, "network": True},
    )


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(estimates.__kwdefaults__, "resamples", 5)
