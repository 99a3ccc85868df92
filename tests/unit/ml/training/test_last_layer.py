"""The last layer alone is taught again: the best one for a penalty, the penalty by groups that were left out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("keras", reason="Keras is only needed to train")

from ml.probability import softmax
from ml.spec import Modality
from ml.training.data.questions import known_sides, label_masks, likelihoods
from ml.training.fit import last_layer
from ml.training.fit.last_layer import PENALTIES, Lesson, PenaltySearch, fold_of, side_weights
from ml.training.fit.loss import SidedCrossEntropy
from ml.training.fit.plan import Objective, Plan, parse_phases
from ml.training.modalities import LABELS

LABELS_OF_XRAYS = LABELS[Modality.CXR]
# Those of X-rays come first
ASKED = [side for side in known_sides() if set(side.domain.question.among) <= set(LABELS_OF_XRAYS)]
SMOOTHING = 0.05
CHANNELS = 12
Features = NDArray[np.float64]
Targets = NDArray[np.int64]


def images(each: int = 30, *, seed: int = 0) -> tuple[Features, Targets]:
    """Features of which the first tells disease, the second COVID-19, the third the place and the rest nothing."""
    random = np.random.default_rng(seed)
    targets = np.repeat(np.arange(len(ASKED)), each)
    features = random.normal(size=(len(targets), CHANNELS))
    sides = [known_sides()[index] for index in targets]
    covid = [side.domain.name == "ieee8023" and side.positive for side in sides]
    features[:, 0] += [2.0 * (side.positive or side.domain.name == "ieee8023") for side in sides]
    features[:, 1] += 2.0 * np.array(covid)
    features[:, 2] += targets // 2
    return features * np.geomspace(0.01, 10, CHANNELS) + 3, targets


def loss_of(layer: last_layer.Layer, features: Features, targets: Targets, penalty: float) -> float:
    """What is to be small, by the loss that the other layers were taught with."""
    each = SidedCrossEntropy(SMOOTHING, *label_masks(LABELS_OF_XRAYS)).call(
        targets, layer.logits(features).astype(np.float32)
    )
    weights = (layer.kernel * features.std(axis=0)[:, np.newaxis]) ** 2
    return float(side_weights(targets) @ np.asarray(each, dtype=np.float64) + penalty / 2 * weights.sum())


@pytest.mark.parametrize("penalty", [1e-3, 0.1])
def test_no_other_layer_has_less_loss(penalty: float) -> None:
    features, targets = images()
    layer = Lesson(features, targets, LABELS_OF_XRAYS, smoothing=SMOOTHING).teach(penalty)
    least, random = loss_of(layer, features, targets, penalty), np.random.default_rng(1)
    for _ in range(20):
        kernel = layer.kernel + 0.05 * random.normal(size=layer.kernel.shape) / features.std(axis=0)[:, np.newaxis]
        bias = layer.bias - features.mean(axis=0) @ (kernel - layer.kernel)
        assert loss_of(last_layer.Layer(kernel, bias), features, targets, penalty) > least


def test_it_tells_both_questions_of_images_that_it_was_not_taught() -> None:
    features, targets = images()
    others, sides = images(seed=1)
    layer = Lesson(features, targets, LABELS_OF_XRAYS, smoothing=SMOOTHING).teach(0.01)
    shares = likelihoods(softmax(layer.logits(others)), sides, LABELS_OF_XRAYS)
    assert all((shares[sides == index] > 0.5).mean() > 0.7 for index in range(len(ASKED)))


def test_both_sides_of_a_domain_count_alike_and_domains_by_their_size() -> None:
    targets = np.repeat([0, 1, 4, 5, 6], [30, 10, 1, 9, 4])
    weights = side_weights(targets)
    sums = np.bincount(targets, weights=weights, minlength=len(ASKED))
    assert weights.sum() == pytest.approx(1.0)
    assert sums == pytest.approx(np.array([40, 40, 0, 0, 10, 10, 4, 0]) / 104)


def test_groups_that_were_left_out_choose_the_penalty() -> None:
    """Each person has a feature of his own, by which a layer tells its images without a fault and nobody else's."""
    random = np.random.default_rng(2)
    people = np.arange(24)
    targets = np.repeat(people % len(ASKED), 4)
    features = np.hstack([np.repeat(np.eye(len(people)), 4, axis=0), random.normal(size=(len(targets), 2))])
    features[:, -1] += [2.0 * known_sides()[index].positive for index in targets]
    groups = [f"person {index}" for index in np.repeat(people, 4)]
    alone = [f"image {index}" for index in range(len(targets))]
    together = Lesson(features, targets, LABELS_OF_XRAYS, smoothing=SMOOTHING).search_penalty(groups).losses
    apart = Lesson(features, targets, LABELS_OF_XRAYS, smoothing=SMOOTHING).search_penalty(alone).losses
    assert set(together) == set(PENALTIES)
    assert min(together, key=together.__getitem__) > min(apart, key=apart.__getitem__) == PENALTIES[0]


def test_of_layers_that_answer_about_alike_the_steadiest_is_chosen() -> None:
    losses = {0.01: 0.52, 0.1: 0.50, 1.0: 0.515, 10.0: 0.53}
    assert PenaltySearch(losses, error=0.02).chosen == 1.0
    assert PenaltySearch(losses, error=0.01).chosen == 0.1


def test_images_of_a_group_say_little_more_than_one_of_them() -> None:
    """Four copies of each image, in its group, are no reason to be surer."""
    features, targets = images(20)
    once = [f"g{index}" for index in range(len(targets))]
    copies = [array.repeat(4, axis=0) for array in (features, targets)]
    error = Lesson(features, targets, LABELS_OF_XRAYS, smoothing=SMOOTHING).search_penalty(once).error
    of_copies = Lesson(*copies, LABELS_OF_XRAYS, smoothing=SMOOTHING).search_penalty(list(np.repeat(once, 4))).error
    assert 0 < error == pytest.approx(of_copies, rel=0.01)


def test_what_a_change_moves_costs() -> None:
    """Two channels tell disease alike. One of them is another after the change: the layer reads the other one."""
    features, targets = images()
    features = np.hstack([features[:, :1], features[:, :1], features[:, 1:]])
    changed = features.copy()
    changed[:, 1] = np.random.default_rng(3).permutation(changed[:, 1])
    taught = features, targets, LABELS_OF_XRAYS
    layer = Lesson(*taught, smoothing=SMOOTHING, changed=changed).teach(0.01)
    before = Lesson(*taught, smoothing=SMOOTHING).teach(0.01)
    assert before.kernel[0] == pytest.approx(before.kernel[1], rel=0.01)
    assert np.abs(layer.kernel[1]).max() < 0.2 * np.abs(layer.kernel[0]).max()
    moved, unmoved = (np.abs(each.logits(changed) - each.logits(features)).mean() for each in (layer, before))
    assert moved < 0.3 * unmoved


@pytest.mark.parametrize("penalty", [1e-3, 0.1])
def test_no_steady_layer_has_less_loss(penalty: float) -> None:
    features, targets = images()
    random = np.random.default_rng(4)
    changed = features + random.normal(size=features.shape) * features.std(axis=0) / 2
    layer = Lesson(features, targets, LABELS_OF_XRAYS, smoothing=SMOOTHING, changed=changed).teach(penalty)

    def cost(each: last_layer.Layer) -> float:
        moves = ((changed - features) @ each.kernel) ** 2
        return loss_of(each, features, targets, penalty) + last_layer.MOVES_COST / 2 * moves.mean(axis=0).sum()

    for _ in range(20):
        kernel = layer.kernel + 0.05 * random.normal(size=layer.kernel.shape) / features.std(axis=0)[:, np.newaxis]
        bias = layer.bias - features.mean(axis=0) @ (kernel - layer.kernel)
        assert cost(last_layer.Layer(kernel, bias)) > cost(layer)


def test_a_group_has_its_fold_by_its_name() -> None:
    folds = [fold_of(f"g{index}") for index in range(500)]
    assert np.bincount(folds, minlength=last_layer.FOLDS) == pytest.approx(100, abs=30)
    assert folds[7] == fold_of("g7")


def test_one_group_leaves_nothing_to_choose_by() -> None:
    features, targets = images(2)
    with pytest.raises(ValueError, match="More groups are needed"):
        Lesson(features, targets, LABELS_OF_XRAYS, smoothing=SMOOTHING).search_penalty(["g"] * len(targets))


@pytest.mark.parametrize("changed", [{"weights": None}, {"objective": Objective.LABELS}])
def test_the_last_layer_alone_is_taught_questions_in_another_network(changed: dict[str, object]) -> None:
    fields: dict[str, object] = {"modality": Modality.CXR, "architecture": "vgg16", "phases": parse_phases("32:0")}
    fields |= {"weights": "run/best.weights.h5", "objective": Objective.QUESTIONS, "last_layer": True}
    assert Plan(**fields).recipe == "cxr-5"  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="The last layer alone"):
        Plan(**fields | changed)  # type: ignore[arg-type]
