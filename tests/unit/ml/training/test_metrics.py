from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("sklearn", reason="compared with scikit-learn")
from sklearn import metrics as reference

from ml.spec import Estimate
from ml.training.measure.bootstrap import estimates, with_exact_bounds
from ml.training.measure.calibration import calibrate, find_positive_from, find_temperature, find_threshold
from ml.training.metrics import (
    area_under_curve,
    calibration_error,
    classification_measures,
    confusion,
    operating_measures,
    within_source_measures,
    zone_measures,
)
from ml.training.scored_images import ScoredImages

NAMES = ("covid", "pneumonia", "normal")


def scored(count: int = 300, *, seed: int = 0, skill: float = 1.0, group_size: int = 1) -> ScoredImages:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, count)
    powers = np.exp(random.standard_normal((count, 3)) + skill * np.eye(3)[labels])
    return ScoredImages(
        NAMES,
        powers / powers.sum(axis=1, keepdims=True),
        labels,
        np.array(["a", "b"])[random.integers(0, 2, count)],
        np.array([f"g{number // group_size}" for number in range(count)]),
        np.array([f"{number}.jpg" for number in range(count)]),
    )


@given(st.integers(0, 10_000), st.integers(1, 20))
@settings(deadline=None)
def test_area_under_curve_agrees_with_scikit_learn_ties_included(seed: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    positive = np.concatenate([[True, False], random.random(40) < 0.4])
    scores = random.integers(0, levels, 42) / levels
    assert area_under_curve(positive, scores) == pytest.approx(reference.roc_auc_score(positive, scores))


def test_measures_agree_with_scikit_learn() -> None:
    one = scored()
    measures = classification_measures(one)
    precision, recall, f1, _ = reference.precision_recall_fscore_support(one.labels, one.predicted)
    for index, name in enumerate(NAMES):
        ours = [measures[f"{measure}/{name}"] for measure in ("precision", "recall", "f1")]
        assert ours == pytest.approx([precision[index], recall[index], f1[index]])
    assert measures["accuracy"] == pytest.approx(reference.accuracy_score(one.labels, one.predicted))
    assert confusion(one).tolist() == reference.confusion_matrix(one.labels, one.predicted).tolist()


def test_a_label_that_is_never_said_scores_zero_and_not_nan() -> None:
    one = scored(30)
    never = one.saying(np.tile([0.1, 0.1, 0.8], (30, 1)))
    assert classification_measures(never)["precision/covid"] == 0.0
    assert classification_measures(never)["f1/covid"] == 0.0


def test_calibration_error_is_the_gap_between_saying_and_being_right() -> None:
    said = np.tile([0.8, 0.2, 0.0], (10, 1))
    labels = np.array([0] * 5 + [1] * 5)
    one = ScoredImages(NAMES, said, labels, np.array(["a"] * 10), np.array(["g"] * 10), np.arange(10).astype(str))
    assert calibration_error(one) == pytest.approx(0.3)


def test_the_area_within_a_source_ignores_how_sources_differ() -> None:
    """One source holds only normals, far from everything else: it must not help."""
    one = scored(400, skill=0.0)
    labels = np.where(one.sources == "b", 2, one.labels)
    probabilities = one.probabilities.copy()
    probabilities[one.sources == "b"] = [0.0, 0.0, 1.0]
    split_by_source = replace(one, probabilities=probabilities, labels=labels)
    measures = within_source_measures(split_by_source)
    assert set(measures) == {"auc_within/a"}
    assert measures["auc_within/a"] == pytest.approx(0.5, abs=0.1)
    assert area_under_curve(split_by_source.positive, split_by_source.score) > 0.8


def test_intervals_hold_the_value_and_are_wider_when_images_share_groups() -> None:
    def width(group_size: int) -> float:
        estimate = estimates(scored(400, group_size=group_size), classification_measures, resamples=200)["accuracy"]
        assert estimate.low < estimate.value < estimate.high
        return estimate.high - estimate.low

    assert width(40) != width(1)
    repeated = scored(20)
    copies = repeated.take(np.repeat(np.arange(20), 20))
    honest = estimates(copies, classification_measures, resamples=200)["accuracy"]
    assert honest.high - honest.low > 0.2


def test_a_share_of_exactly_one_keeps_its_doubt() -> None:
    """Sixty of sixty: the exact 95 % interval starts at 0.9404 (Clopper and Pearson)."""
    assert with_exact_bounds(Estimate(1.0, 1.0, 1.0), 60) == Estimate(1.0, 0.9404, 1.0)
    assert with_exact_bounds(Estimate(0.0, 0.0, 0.0), 60) == Estimate(0.0, 0.0, 0.0596)
    assert with_exact_bounds(Estimate(0.9, 0.8, 0.95), 60) == Estimate(0.9, 0.8, 0.95)


def test_the_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(0)
    logits = random.standard_normal((4000, 3)) * 2
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([random.choice(3, p=each) for each in chances])
    assert find_temperature(logits * 2.5, labels) == pytest.approx(2.5, rel=0.1)


@given(st.floats(0.5, 1.0), st.integers(0, 1000))
@settings(deadline=None)
def test_the_threshold_reaches_the_sensitivity_it_was_chosen_for(aim: float, seed: int) -> None:
    one = scored(100, seed=seed)
    threshold = find_threshold(one.positive, one.score, sensitivity=aim)
    assert operating_measures(threshold)(one)["sensitivity"] >= aim
    higher = operating_measures(threshold + 0.05)(one)
    assert higher["specificity"] >= operating_measures(threshold)(one)["specificity"]


def test_a_threshold_needs_positives() -> None:
    with pytest.raises(ValueError, match="positive images"):
        find_threshold(np.zeros(3, dtype=bool), np.zeros(3), sensitivity=0.9)


@given(st.floats(0.5, 1.0), st.integers(0, 1000))
@settings(deadline=None)
def test_the_positive_zone_reaches_the_specificity_it_was_chosen_for(aim: float, seed: int) -> None:
    one = scored(100, seed=seed)
    start = find_positive_from(one.positive, one.score, specificity=aim)
    assert operating_measures(start)(one)["specificity"] >= aim
    negatives = np.sort(one.score[~one.positive])
    reached = negatives[int(np.ceil(aim * len(negatives))) - 1]
    assert reached < start <= min(1.0, reached + 1.1e-4)


def test_the_positive_zone_needs_negatives() -> None:
    with pytest.raises(ValueError, match="negative images"):
        find_positive_from(np.ones(3, dtype=bool), np.zeros(3), specificity=0.9)


def test_the_positive_zone_never_begins_below_the_threshold() -> None:
    """Two sides far apart: the bound for the specificity alone would lie below the threshold for the sensitivity."""
    logits = np.log(np.array([[0.9, 0.1]] * 20 + [[0.01, 0.99]] * 20))
    found = calibrate(logits, np.array([0] * 20 + [1] * 20))
    assert found.positive_from == found.threshold > 0.5


def test_the_zones_are_counted_as_they_are_defined() -> None:
    chances = np.array([0.1, 0.4, 0.8, 0.9, 0.05, 0.1, 0.45, 0.7])
    one = scored(8).saying(np.stack([chances, 1 - chances, np.zeros(8)], axis=1))
    one = replace(one, labels=np.array([0, 0, 0, 0, 1, 1, 1, 1]))
    assert zone_measures(0.3, 0.6)(one) == pytest.approx(
        {
            "indeterminate": 2 / 8,
            "sensitivity/positive_zone": 2 / 4,
            "specificity/positive_zone": 3 / 4,
            "sensitivity/outer_zones": 2 / 3,
            "specificity/outer_zones": 2 / 3,
        }
    )
