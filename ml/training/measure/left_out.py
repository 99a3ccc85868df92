"""What a last layer says of places that it was not taught on: as near as these images come to another hospital.

Nothing is chosen on the place that is left out: the penalty is that of least loss on groups of the other places. Lungs
of the place itself may have taught the layers before, where a network learnt from it; the caller says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.probability import pool, softmax
from ml.spec import Estimate
from ml.training.data.manifest import Row
from ml.training.data.questions import ABNORMAL, DOMAINS, domain_of_row, side_targets
from ml.training.fit.last_layer import Lesson, measure_penalties
from ml.training.fit.plan import Plan
from ml.training.measure.bootstrap import estimates
from ml.training.measure.report import plain
from ml.training.metrics import Measures, area_under_curve, calibration_error
from ml.training.scored_images import ScoredImages

Values = NDArray[np.float64]
SIDES = ("abnormal", "normal")
# As the last layers that ship were taught
SMOOTHING = Plan.label_smoothing
# Other places ask the same question, so that one can be left out and still be answered
PLACES = tuple(domain for domain in DOMAINS if domain.question is ABNORMAL)


def answer_left_out(features: Values, rows: Sequence[Row], labels: Sequence[str]) -> ScoredImages:
    """The probabilities of both SIDES for every image of PLACES, each by a layer that was taught on all other domains.

    `features` float64 (n, channels) is what is before the last layer, `rows` where they come from, `labels` the outputs
    of the layer. Raises ValueError where a row can answer no question.
    """
    targets, groups = side_targets(rows), [row.group for row in rows]
    domains = np.array([domain_of_row(row).name for row in rows])
    said = np.zeros(len(rows))
    for place in PLACES:
        left = domains == place.name
        if left.any():
            said[left] = _abnormal(features, targets, groups, labels, left)
    return _scored(rows, said).take(np.isin(domains, [place.name for place in PLACES]))


def combine_left_out(answered: Sequence[ScoredImages]) -> ScoredImages:
    """What several said of the same images, pooled as ensembles do, all counting alike."""
    return answered[0].saying(pool([each.probabilities for each in answered]))


def measure_left_out(answered: ScoredImages) -> dict[str, dict[str, Any]]:
    """By place: AUC and calibration error with their intervals, and how many images there are of each side."""
    return {name: plain(estimates(here, _measures)) | _counts(here) for name, here in _by_place(answered).items()}


def measure_above(answered: ScoredImages, controls: Mapping[str, ScoredImages]) -> dict[str, dict[str, Any]]:
    """By place and control: how much higher the AUC is than that of the control on the same images, paired."""
    found: dict[str, dict[str, Any]] = {}
    for name, control in controls.items():
        both = np.stack([answered.score, control.score], axis=1)
        for place, here in _by_place(answered.saying(both)).items():
            found.setdefault(place, {})[name] = plain({"difference": _difference(here)})["difference"]
    return found


def _abnormal(
    features: Values, targets: NDArray[np.int64], groups: Sequence[str], labels: Sequence[str], left: NDArray[np.bool_]
) -> Values:
    """The probability of an abnormal lung for the images that are left out, by what the others teach."""
    seen = ~left
    known = [group for group, is_seen in zip(groups, seen, strict=True) if is_seen]
    losses = measure_penalties(features[seen], targets[seen], known, labels, smoothing=SMOOTHING)
    penalty = min(losses, key=losses.__getitem__)
    layer = Lesson(features[seen], targets[seen], labels, smoothing=SMOOTHING).teach(penalty)
    chosen = [index for index, label in enumerate(labels) if label in ABNORMAL.positive]
    return np.asarray(softmax(layer.logits(features[left]))[:, chosen].sum(axis=1))


def _scored(rows: Sequence[Row], abnormal: Values) -> ScoredImages:
    return ScoredImages(
        SIDES,
        np.stack([abnormal, 1.0 - abnormal], axis=1),
        np.array([int(row.label not in ABNORMAL.positive) for row in rows], dtype=np.int64),
        np.array([domain_of_row(row).name for row in rows]),
        np.array([row.group for row in rows]),
        np.array([row.path for row in rows]),
    )


def _by_place(answered: ScoredImages) -> dict[str, ScoredImages]:
    shown = set(answered.sources.tolist())
    return {place.name: answered.take(answered.sources == place.name) for place in PLACES if place.name in shown}


def _counts(scored: ScoredImages) -> dict[str, int]:
    return dict(zip(SIDES, np.bincount(scored.labels, minlength=2).tolist(), strict=True))


def _measures(scored: ScoredImages) -> Measures:
    return {"auc": area_under_curve(scored.positive, scored.score), "calibration_error": calibration_error(scored)}


def _difference(both: ScoredImages) -> Estimate:
    def measure(scored: ScoredImages) -> Measures:
        ours, control = (area_under_curve(scored.positive, scored.probabilities[:, which]) for which in (0, 1))
        return {"difference": ours - control}

    return estimates(both, measure)["difference"]
