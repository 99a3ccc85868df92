"""What a result means for how many of a hundred images, by Bayes' theorem and a share that a clinic assumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from diagnosis.models.zone import Zone


@dataclass(frozen=True)
class Frequency:
    """How many of 100 images with the same result show the finding, 0 to 100 each."""

    value: float
    low: float
    high: float


class _Share(NamedTuple):
    """A share of images with its interval, 0 to 1 each."""

    low: float
    value: float
    high: float

    def without(self, other: _Share) -> _Share:
        """The difference, as wide as both intervals allow, and never below 0."""
        ends = self.low - other.high, self.value - other.value, self.high - other.low
        return _Share(*(max(end, 0.0) for end in ends))


_ALL = _Share(1.0, 1.0, 1.0)


def tells_zones(point: Mapping[str, Any]) -> bool:
    """Whether `point` says what both its thresholds do, so that each zone is worth something of its own."""
    return bool(point.get("positive_zone"))


def frequency(point: Mapping[str, Any], *, prevalence: float, zone: Zone) -> Frequency:
    """Of 100 images in the same zone, how many show the finding.

    `point` has `sensitivity` and `specificity` of its lower threshold, each {value, low, high} from 0 to 1, and in
    `positive_zone` those of the upper one. Without that the indeterminate and the positive zone are one. `prevalence`
    is the assumed share of images with the finding, 0 to 1. With p for the prevalence, s for the share of the images
    with the finding that fall into the zone, and f for that of the images without it, Bayes' theorem (Altman & Bland,
    "Diagnostic tests 2: predictive values", BMJ 1994) gives 100 · s · p / (s · p + f · (1 − p)).

    The range takes each measure at the end of its interval that makes the answer least and most, so it is wider than a
    95 % interval. It knows nothing of the error in the assumed prevalence.
    """
    found, alarms = _falls_into(point, zone)
    return Frequency(
        _bayes(found.value, alarms.value, prevalence),
        _bayes(found.low, alarms.high, prevalence),
        _bayes(found.high, alarms.low, prevalence),
    )


def _falls_into(point: Mapping[str, Any], zone: Zone) -> tuple[_Share, _Share]:
    """The shares of the images with and without the finding that fall into the zone."""
    found, alarms = _reached(point)
    if zone is Zone.NEGATIVE:
        return _ALL.without(found), _ALL.without(alarms)
    if not tells_zones(point):
        return found, alarms
    upper = _reached(point["positive_zone"])
    return upper if zone is Zone.POSITIVE else (found.without(upper[0]), alarms.without(upper[1]))


def _reached(point: Mapping[str, Any]) -> tuple[_Share, _Share]:
    """At or above a threshold: its sensitivity, and 1 − its specificity."""
    sensitivity, specificity = (
        _Share(*(float(point[name][end]) for end in _Share._fields)) for name in ("sensitivity", "specificity")
    )
    return sensitivity, _ALL.without(specificity)


def _bayes(found: float, alarms: float, prevalence: float) -> float:
    with_it, without = found * prevalence, alarms * (1 - prevalence)
    return 100 * with_it / (with_it + without) if with_it + without else 100 * prevalence
