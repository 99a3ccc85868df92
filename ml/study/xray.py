"""From the frontal images of an X-ray study to its result; laterals and other views have no part in it.

Why the images are pooled and the highest does not decide: docs/adr/0212.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from ml.probability import pool
from ml.spec import OperatingPoint, Zone
from ml.study.reasons import Key, Reason

METHOD, VERSION = "frontal-pool", "1.0.0"


@dataclass(frozen=True, slots=True)
class Frontal(Generic[Key]):
    """One frontal image that was classified, with its probability of each label, summing to 1."""

    key: Key
    probabilities: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FrontalResult(Generic[Key]):
    """What the frontal images of a study say together.

    `probabilities` by label, summing to 1; `score` that of the positive label and `zone` where it lies. Of one image
    they are its own. `key_image` is the image with the highest score; `images` all that took part, that one first.
    """

    method: str
    version: str
    probabilities: dict[str, float]
    score: float
    zone: Zone
    key_image: Key
    images: tuple[Key, ...]
    notes: tuple[Reason, ...]


def combine_frontals(frontals: Iterable[Frontal[Key]], point: OperatingPoint) -> FrontalResult[Key] | None:
    """The result of an X-ray study, None without a frontal image; the order of `frontals` does not matter.

    `point` holds the bounds of whoever gave the probabilities. Several images are pooled as the members of an ensemble
    are: the softmax of their mean logarithm. Images of one chest are no independent witnesses, so agreement makes the
    result no more certain than they are. Raises ValueError when they were not asked for the same labels.
    """
    ranked = sorted(frontals, key=lambda one: (-one.probabilities[point.positive_label], str(one.key)))
    if not ranked:
        return None
    probabilities = _pooled(ranked)
    score = probabilities[point.positive_label]
    keys = tuple(one.key for one in ranked)
    notes = (Reason("frontals_differ"),) if _differ(ranked, point) else ()
    return FrontalResult(METHOD, VERSION, probabilities, score, point.zone(score), keys[0], keys, notes)


def _pooled(ranked: Sequence[Frontal[Key]]) -> dict[str, float]:
    labels = tuple(ranked[0].probabilities)
    if any(set(one.probabilities) != set(labels) for one in ranked):
        raise ValueError("Images that were asked for different labels cannot be combined.")
    if len(ranked) == 1:
        return dict(ranked[0].probabilities)
    said = [[one.probabilities[label] for label in labels] for one in ranked]
    return dict(zip(labels, pool(said).tolist(), strict=True))


def _differ(ranked: Sequence[Frontal[Key]], point: OperatingPoint) -> bool:
    zones = {point.zone(one.probabilities[point.positive_label]) for one in ranked}
    return {Zone.POSITIVE, Zone.NEGATIVE} <= zones
