"""What an ensemble is worth at a place that had no part in it: as near as these images come to another hospital.

All of it is made again without the place: last layers and their penalties on the training part of all others, then
temperatures, the members' weights, the calibration and the bounds of the zones on their validation part. So the zones
are those that a hospital gets which taught and chose nothing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.probability import mean_logarithm, pool, softmax
from ml.training.data.manifest import Row
from ml.training.data.questions import domains_of, side_targets
from ml.training.fit.last_layer import Lesson
from ml.training.measure import abnormality, questions
from ml.training.measure.bootstrap import estimates
from ml.training.measure.controls import score_rows
from ml.training.measure.left_out import (
    SMOOTHING,
    Described,
    Values,
    count_sides,
    domain_names,
    first_question,
    place_measures,
)
from ml.training.measure.report import at_domains, operating_estimates, plain, zone_estimates
from ml.training.measure.weighing import weigh
from ml.training.scored_images import ScoredImages

Which = NDArray[np.bool_]


def measure_new_places(
    members: Sequence[Described], rows: Sequence[Row], choosing: Which, labels: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """By place: AUC, calibration error, what threshold and zones do, with intervals; and who counted how much.

    `rows` are the images that the members describe; those `choosing` are the validation part, all others the training
    part. `labels` are those of the members, one of which is a lung without disease. Empty where images are of fewer
    than two places: nothing could teach without the one. Raises ValueError where a row can answer no question.
    """
    shown = set(domain_names(rows).tolist())
    places = [place for place in domains_of(first_question(labels)) if place in shown]
    return {place: _measure(members, rows, choosing, labels, place) for place in places} if len(places) > 1 else {}


def _measure(
    members: Sequence[Described], rows: Sequence[Row], choosing: Which, labels: Sequence[str], place: str
) -> dict[str, Any]:
    new = domain_names(rows) == place
    taught = [_teach(member, rows, ~choosing & ~new, labels) for member in members]
    known = _about(rows, choosing & ~new, labels)
    of_known, of_new = ([logits[which] for logits in taught] for which in (choosing & ~new, new))
    temperatures = [questions.calibrate(logits, known).temperature for logits in of_known]
    chosen, asked = (
        np.stack([softmax(*each) for each in zip(said, temperatures, strict=True)]) for said in (of_known, of_new)
    )
    weights = weigh(chosen, known)
    temperature = questions.calibrate(mean_logarithm(chosen, weights), known).temperature
    home = at_domains(known.saying(pool(chosen, temperature, weights)), domains_of(first_question(labels)))
    bounds = abnormality.choose_bounds(home)
    answered = _about(rows, new, labels).saying(pool(asked, temperature, weights))
    found = abnormality.as_abnormal(answered, bounds.line)
    zones = plain(zone_estimates(found, bounds.threshold, bounds.abnormal_from))
    return {
        **plain(estimates(found, place_measures)),
        **plain(operating_estimates(found, bounds.threshold)),
        "positive_zone": {name: zones[f"{name}/positive_zone"] for name in ("sensitivity", "specificity")},
        "indeterminate": zones["indeterminate"],
        **count_sides(found),
        "weights": list(weights),
    }


def _teach(member: Described, rows: Sequence[Row], teaching: Which, labels: Sequence[str]) -> Values:
    """The logits (n, labels) for all images by a last layer that some of them taught."""
    seen = member.take(teaching)
    known = [row for row, teaches in zip(rows, teaching, strict=True) if teaches]
    lesson = Lesson(seen.features, side_targets(known), labels, smoothing=SMOOTHING, changed=seen.mirrored)
    return lesson.teach(lesson.search_penalty([row.group for row in known]).chosen).logits(member.features)


def _about(rows: Sequence[Row], which: Which, labels: Sequence[str]) -> ScoredImages:
    """Some of the images, of which nothing is said yet."""
    taken = tuple(row for row, is_taken in zip(rows, which, strict=True) if is_taken)
    return score_rows(taken, tuple(labels), np.zeros((len(taken), len(labels))))
