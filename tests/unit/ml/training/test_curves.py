from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn", reason="compared with scikit-learn")
from sklearn import metrics as reference

from ml.training.measure.curves import FALSE_ALARMS, curves, roc, write_curves
from ml.training.metrics import calibration_error
from tests.unit.ml.training.test_metrics import NAMES, scored


@given(st.integers(0, 10_000), st.integers(1, 20))
@settings(deadline=None)
def test_the_curve_agrees_with_scikit_learn_ties_included(seed: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    positive = np.concatenate([[True, False], random.random(40) < 0.4])
    scores = random.integers(0, levels, 42) / levels
    alarms, hits, _ = reference.roc_curve(positive, scores, drop_intermediate=False)
    expected = [hits[alarms <= level].max() for level in FALSE_ALARMS]
    assert roc(positive, scores).tolist() == pytest.approx(expected)


def test_one_side_alone_has_no_curve() -> None:
    assert np.isnan(roc(np.ones(4, dtype=bool), np.arange(4.0))).all()


def test_every_point_lies_in_its_interval_and_the_curve_ends_at_one() -> None:
    drawn = curves(scored(200))
    assert list(drawn["roc"]["sensitivity"]) == list(NAMES)
    for curve in [*drawn["roc"]["sensitivity"].values(), drawn["reliability"]["right"]]:
        assert all(np.array(curve["low"]) <= curve["value"])
        assert all(np.array(curve["high"]) >= curve["value"])
    for curve in drawn["roc"]["sensitivity"].values():
        assert len(curve["value"]) == len(drawn["roc"]["false_alarms"]) == 51
        assert curve["value"][-1] == 1.0
        assert curve["value"] == sorted(curve["value"])


def test_reliability_holds_every_image_and_gives_the_calibration_error_back() -> None:
    one = scored(200)
    drawn = curves(one)["reliability"]
    images = np.array(drawn["images"])
    assert images.sum() == 200
    gaps = np.abs(np.array(drawn["right"]["value"]) - drawn["stated"])
    assert (gaps * images).sum() / 200 == pytest.approx(calibration_error(one), abs=1e-3)


def test_curves_are_stored_compactly(tmp_path: Path) -> None:
    drawn = curves(scored(60))
    write_curves(tmp_path, drawn)
    text = (tmp_path / "curves.json").read_text()
    assert json.loads(text) == drawn
    assert len(text) < 10_000
