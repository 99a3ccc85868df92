"""What a last layer says of places that it was not taught on: as near as these images come to another hospital.

Nothing is chosen on the place that is left out: the penalty is that of least loss on groups of the other places. Lungs
of the place itself may have taught the layers before, where a network learnt from it; the caller says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.probability import pool, softmax
from ml.spec import Estimate
from ml.training.data.manifest import Row
from ml.training.data.questions import (
    ABNORMAL,
    COVID,
    COVID_IN_SLICE,
    NON_COVID,
    NORMAL,
    Question,
    domain_of_row,
    domains_of,
    questions_of,
    side_targets,
)
from ml.training.fit.last_layer import Lesson
from ml.training.fit.plan import Plan
from ml.training.measure.bootstrap import estimates
from ml.training.measure.report import plain
from ml.training.metrics import Measures, area_under_curve, calibration_error
from ml.training.scored_images import ScoredImages

Values = NDArray[np.float64]
# What the sides of a question are called. More than one place asks these, so that one can be left out and be answered.
SIDES = {ABNORMAL: ("abnormal", NORMAL), COVID_IN_SLICE: (COVID, NON_COVID)}
# As the last layers that ship were taught
SMOOTHING = Plan.label_smoothing


@dataclass(frozen=True)
class Described:
    """What is before the last layer of images: `features` float64 (n, channels), and the same of their mirror images.

    `mirrored` is None where the mirror image would be described alike, or is not known.
    """

    features: Values
    mirrored: Values | None = None

    def take(self, which: NDArray[np.bool_]) -> "Described":
        """Some of the images."""
        return Described(self.features[which], None if self.mirrored is None else self.mirrored[which])


def answer_left_out(described: Described, rows: Sequence[Row], labels: Sequence[str]) -> ScoredImages:
    """The answers to the first question for every image of its places, by a layer that all other domains taught.

    `rows` are where the images come from, `labels` the outputs of the layer. Raises ValueError where a row can answer
    no question.
    """
    question, domains = first_question(labels), domain_names(rows)
    asked = np.isin(domains, domains_of(question))
    return _answer(described, rows, labels, np.where(asked, domains, ""))


def answer_about_strangers(
    described: Described, rows: Sequence[Row], labels: Sequence[str], place: str
) -> ScoredImages:
    """The same for every image of one place, each by a layer that its other people taught and all other places.

    Rows and labels as in `answer_left_out`.
    """
    groups = np.array([row.group for row in rows])
    return _answer(described, rows, labels, np.where(domain_names(rows) == place, groups, ""))


def first_question(labels: Sequence[str]) -> Question:
    """The question that is asked first of images with these labels."""
    return questions_of(labels)[0]


def _answer(described: Described, rows: Sequence[Row], labels: Sequence[str], units: NDArray[np.str_]) -> ScoredImages:
    """The answers to the images of each unit by a layer that all other images taught; those without unit only teach."""
    targets, groups = side_targets(rows), [row.group for row in rows]
    said = np.zeros(len(rows))
    for unit in sorted(set(units.tolist()) - {""}):
        said[units == unit] = _ask(described, targets, groups, labels, units == unit)
    return _scored(rows, said, first_question(labels)).take(units != "")


def combine_left_out(answered: Sequence[ScoredImages]) -> ScoredImages:
    """What several said of the same images, pooled as ensembles do, all counting alike."""
    return answered[0].saying(pool([each.probabilities for each in answered]))


def measure_left_out(answered: ScoredImages) -> dict[str, dict[str, Any]]:
    """By place: AUC and calibration error with their intervals, and how many images there are of each side."""
    return {
        name: plain(estimates(here, place_measures)) | count_sides(here) for name, here in _by_place(answered).items()
    }


def measure_above(answered: ScoredImages, controls: Mapping[str, ScoredImages]) -> dict[str, dict[str, Any]]:
    """By place and control: how much higher the AUC is than that of the control on the same images, paired."""
    found: dict[str, dict[str, Any]] = {}
    for name, control in controls.items():
        both = np.stack([answered.score, control.score], axis=1)
        for place, here in _by_place(answered.saying(both)).items():
            found.setdefault(place, {})[name] = plain({"difference": paired_difference(here)})["difference"]
    return found


def measure_within_people(answered: ScoredImages) -> dict[str, Any]:
    """How often, of two images of one person, the one with the finding scores higher; ties count half.

    `auc` over all such pairs, `people` by group, with the number of images of each side. There is no interval: too few
    people have both. Empty where none has.
    """
    people = {group: answered.take(answered.groups == group) for group in sorted(set(answered.groups.tolist()))}
    mixed = {group: here for group, here in people.items() if len(set(here.labels.tolist())) == 2}
    if not mixed:
        return {}
    areas = {group: area_under_curve(here.positive, here.score) for group, here in mixed.items()}
    pairs = [int(here.positive.sum() * (~here.positive).sum()) for here in mixed.values()]
    return {
        "auc": float(np.average(list(areas.values()), weights=pairs)),
        "people": {group: {"auc": areas[group], **count_sides(here)} for group, here in mixed.items()},
    }


def domain_names(rows: Sequence[Row]) -> NDArray[np.str_]:
    """The place that each row is from, as the questions count places."""
    return np.array([domain_of_row(row).name for row in rows])


def _ask(
    described: Described,
    targets: NDArray[np.int64],
    groups: Sequence[str],
    labels: Sequence[str],
    left: NDArray[np.bool_],
) -> Values:
    """The probability of the positive side for the images that are left out, by what the others teach."""
    seen = ~left
    taught = described.take(seen)
    known = [group for group, is_seen in zip(groups, seen, strict=True) if is_seen]
    lesson = Lesson(taught.features, targets[seen], labels, smoothing=SMOOTHING, changed=taught.mirrored)
    layer = lesson.teach(lesson.search_penalty(known).chosen)
    chosen = [index for index, label in enumerate(labels) if label in first_question(labels).positive]
    return np.asarray(softmax(layer.logits(described.features[left]))[:, chosen].sum(axis=1))


def _scored(rows: Sequence[Row], said: Values, question: Question) -> ScoredImages:
    return ScoredImages(
        SIDES[question],
        np.stack([said, 1.0 - said], axis=1),
        np.array([int(row.label not in question.positive) for row in rows], dtype=np.int64),
        domain_names(rows),
        np.array([row.group for row in rows]),
        np.array([row.path for row in rows]),
    )


def _by_place(answered: ScoredImages) -> dict[str, ScoredImages]:
    places = [place for question in SIDES for place in domains_of(question) if place in set(answered.sources.tolist())]
    return {place: answered.take(answered.sources == place) for place in places}


def count_sides(scored: ScoredImages) -> dict[str, int]:
    """The number of images on each side of the question."""
    return dict(zip(scored.names, np.bincount(scored.labels, minlength=2).tolist(), strict=True))


def place_measures(scored: ScoredImages) -> Measures:
    """What is measured of a place without any bound."""
    return {"auc": area_under_curve(scored.positive, scored.score), "calibration_error": calibration_error(scored)}


def paired_difference(both: ScoredImages) -> Estimate:
    """How much higher the AUC of the first column of probabilities is than that of the second, on the same images."""

    def measure(scored: ScoredImages) -> Measures:
        ours, control = (area_under_curve(scored.positive, scored.probabilities[:, which]) for which in (0, 1))
        return {"difference": ours - control}

    return estimates(both, measure)["difference"]
