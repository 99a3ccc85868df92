"""The first question of an ensemble: is this lung abnormal? Answered with a calibration and bounds of its own.

Labels of diseases are added up: a classifier tells a diseased lung from a healthy one better than one disease from
another, and where the images of each disease came from confounds it less.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from ml.probability import LEAST
from ml.spec import Estimate, Zone, omit_empty, require, zone_of


@dataclass(frozen=True)
class AbnormalityPoint:
    """How an ensemble answers whether a lung is abnormal, and what that was measured to be worth.

    `labels` are those of an abnormal lung. The calibrated probability is the logistic function of `slope` * logit(P) +
    `intercept`, P being the sum of their probabilities (Platt, Advances in Large Margin Classifiers, 1999). Below
    `threshold` the lung counts as clear, from `abnormal_from` on as abnormal, both in [0, 1] and chosen as `chosen_for`
    says; an `abnormal_from` of 1 says that none counts as abnormal. `sensitivity` and `specificity` are those of
    `threshold` on `measured_on`. `sources` gives the same by source of the images, with the counts `abnormal` and
    `normal`; None where a source has no such image. `domains` are the places, showing lungs of both kinds, whose images
    chose the bounds and measured the two rates; empty where all images did. `new_places` gives by place what the two
    bounds are worth where all of it was made without that place (ml.training.measure.new_place): the rates of
    `threshold`, those of the abnormal zone alone under `positive_zone`, and the counts `abnormal` and `normal`; empty
    where that was not measured. Raises SpecInvalid when it contradicts itself.
    """

    labels: tuple[str, ...]
    slope: float
    intercept: float
    threshold: float
    abnormal_from: float
    chosen_for: str
    sensitivity: Estimate
    specificity: Estimate
    sources: Mapping[str, Mapping[str, Any]] = field(hash=False)
    measured_on: str
    domains: tuple[str, ...] = ()
    new_places: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        require(len(set(self.labels)) == len(self.labels) >= 1, "Labels of an abnormal lung must differ.")
        require(
            0.0 < self.slope < math.inf and math.isfinite(self.intercept),
            "The slope of a calibration must be above 0, its intercept finite.",
        )
        require(
            0.0 <= self.threshold <= self.abnormal_from <= 1.0,
            f"The abnormal zone from {self.abnormal_from} must begin between the threshold {self.threshold} and 1.",
        )

    def probability(self, probabilities: Mapping[str, float]) -> float:
        """The calibrated probability of an abnormal lung, 0 to 1, from the ensemble's probability of each label.

        Raises KeyError where a label is missing.
        """
        return calibrated(sum(probabilities[label] for label in self.labels), self.slope, self.intercept)

    def zone(self, probability: float) -> Zone:
        """The zone of a calibrated probability. Raises ValueError for what is no probability."""
        return zone_of(probability, self.threshold, self.abnormal_from)

    def to_fields(self) -> dict[str, Any]:
        """All of it as plain values; see `omit_empty`."""
        return omit_empty(asdict(self), "domains", "new_places")

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `to_fields` gave."""
        estimates = {name: Estimate(**fields[name]) for name in ("sensitivity", "specificity")}
        named = {"labels": tuple(fields["labels"]), "domains": tuple(fields.get("domains", ()))}
        return cls(**{**fields, **estimates, **named})


def logit(probability: float) -> float:
    """ln(p / (1 - p)), of a probability kept as far from 0 and 1 as a pool keeps its members'."""
    kept = min(max(probability, LEAST), 1.0 - LEAST)
    return math.log(kept / (1.0 - kept))


def calibrated(probability: float, slope: float, intercept: float) -> float:
    """The logistic function of a line through the logit, 0 to 1."""
    return 1.0 / (1.0 + math.exp(-(slope * logit(probability) + intercept)))
