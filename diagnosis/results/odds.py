"""What a result means for how many of a hundred images, by Bayes' theorem and a share that a clinic assumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Frequency:
    """How many of 100 images with the same result show the finding, 0 to 100 each."""

    value: float
    low: float
    high: float


def frequency(point: Mapping[str, Any], *, prevalence: float, reached: bool) -> Frequency:
    """Of 100 images on the same side of the threshold at which `point` was measured, how many show the finding.

    `point` has `sensitivity` and `specificity`, each {value, low, high} from 0 to 1. `prevalence` is the assumed share
    of images with the finding, 0 to 1; `reached` whether the probability is at or above the threshold. With p for the
    prevalence, Bayes' theorem (Altman & Bland, "Diagnostic tests 2: predictive values", BMJ 1994) gives

        at or above:  100 · sensitivity · p / (sensitivity · p + (1 − specificity) · (1 − p))
        below:        100 · (1 − sensitivity) · p / ((1 − sensitivity) · p + specificity · (1 − p))

    The range takes both measures at the same end of their intervals, so it is wider than a 95 % interval. It knows
    nothing of the error in the assumed prevalence.
    """
    found = [_share(point, end, prevalence, reached=reached) for end in ("value", "low", "high")]
    return Frequency(found[0], min(found), max(found))


def _share(point: Mapping[str, Any], end: str, prevalence: float, *, reached: bool) -> float:
    sensitivity, specificity = float(point["sensitivity"][end]), float(point["specificity"][end])
    with_it = (sensitivity if reached else 1 - sensitivity) * prevalence
    without = (1 - specificity if reached else specificity) * (1 - prevalence)
    return 100 * with_it / (with_it + without) if with_it + without else 100 * prevalence
