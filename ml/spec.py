"""One frozen spec says everything about a trained classifier, and travels with its weights.

A stored result names its classifier and version; with the spec an old result can be explained for ever.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
VERSION = re.compile(r"\d+\.\d+\.\d+")
SHA256 = re.compile(r"[0-9a-f]{64}")


class SpecInvalid(ValueError):
    """A spec contradicts itself or lacks something; the message says what."""


def require(holds: bool, sentence: str) -> None:
    """Raises SpecInvalid with the sentence where a promise of a spec does not hold."""
    if not holds:
        raise SpecInvalid(sentence)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turns whatever a text of another shape breaks into one SpecInvalid, which says that this is no `what`."""
    try:
        yield
    except SpecInvalid:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SpecInvalid(f"This is no {what}: {error}.") from error


def version_order(version: str) -> tuple[int, ...]:
    """What sorts versions such as 1.10.0 from the oldest to the newest."""
    return tuple(int(number) for number in version.split("."))


class Modality(StrEnum):
    """The kinds of images that classifiers read."""

    CXR = "cxr"
    CT = "ct"

    @property
    def is_tomographic(self) -> bool:
        """Whether it is a slice in Hounsfield units; anything else is a projection, whose greys have no unit."""
        return self is Modality.CT


class Precision(StrEnum):
    """How a network's weights are stored. INT8 computes with eight bits too, the others in float32."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8_WEIGHTS = "int8-weights"
    INT8 = "int8"


@dataclass(frozen=True)
class Estimate:
    """A measured value with its 95 % interval, all in the unit of the value."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        require(
            all(math.isfinite(number) for number in (self.value, self.low, self.high)),
            "An estimate must be finite.",
        )
        require(self.low <= self.high, f"The interval {self.low} to {self.high} is upside down.")

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


class Zone(StrEnum):
    """Where a probability lies: below, between or above the two bounds of an operating point."""

    NEGATIVE = "negative"
    INDETERMINATE = "indeterminate"
    POSITIVE = "positive"


# Labels of an image in which nothing of what is looked for was seen: high, each of them is good news.
NO_FINDING = frozenset({"normal", "non-covid"})


def positive_zone_start(positive_from: float) -> float:
    """What a probability is compared with: a bound of 1 says that there is no positive zone, so nothing reaches it.

    Rounded, a probability may well be 1.
    """
    return positive_from if positive_from < 1.0 else math.inf


def zone_of(probability: float, threshold: float, positive_from: float) -> Zone:
    """The zone between two bounds, each of which belongs to the zone above it. From 1 on there is no positive zone.

    Raises ValueError for what is no probability.
    """
    if not 0.0 <= probability <= 1.0:
        raise ValueError(f"{probability} is no probability.")
    if probability < threshold:
        return Zone.NEGATIVE
    return Zone.POSITIVE if probability >= positive_zone_start(positive_from) else Zone.INDETERMINATE


def omit_empty(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The fields of a point, of `names` only those that hold something.

    Results and hashes of the versions that know none of these stay as they were.
    """
    return {name: value for name, value in fields.items() if name not in names or value}


@dataclass(frozen=True)
class OperatingPoint:
    """The bounds of one weights' version, and what they were measured to do.

    A case is positive when P(`positive_label`) >= `threshold`, in [0, 1], which was chosen on the validation part for
    a stated sensitivity. From `positive_from` on, chosen there for a stated specificity and never below `threshold`,
    it is clearly so; between the two the answer is indeterminate. A `positive_from` of 1 says that there is no positive
    zone. `chosen_for` names both aims; `sensitivity` and `specificity` of the threshold were measured on `measured_on`.
    `domains` are the places whose images chose the bounds and measured the two rates, each of which shows the positive
    label and another disease: the specificity is that among abnormal lungs. Empty where all images did.
    """

    positive_label: str
    threshold: float
    positive_from: float
    chosen_for: str
    sensitivity: Estimate
    specificity: Estimate
    measured_on: str
    domains: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(0.0 <= self.threshold <= 1.0, f"The threshold {self.threshold} is not in [0, 1].")
        require(
            self.threshold <= self.positive_from <= 1.0,
            f"The positive zone from {self.positive_from} must begin between the threshold {self.threshold} and 1.",
        )

    def zone(self, probability: float) -> Zone:
        """The zone of P(positive_label). Raises ValueError for what is no probability."""
        return zone_of(probability, self.threshold, self.positive_from)

    def to_fields(self) -> dict[str, Any]:
        """All of it as plain values; see `omit_empty`."""
        return omit_empty(asdict(self), "domains")

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `to_fields` gave. Specs older than the zones have no `positive_from`: theirs is the threshold."""
        read = {name: Estimate(**fields[name]) for name in ("sensitivity", "specificity")}
        domains = tuple(fields.get("domains", ()))
        return cls(**{"positive_from": fields["threshold"], **fields, **read, "domains": domains})


@dataclass(frozen=True)
class ClassifierSpec:
    """What a classifier is, what it was made from and how it performs.

    `width` divides the channels of the published architecture; `input_size` (h, w) in pixels; `preprocessing` a
    recipe of ml.preprocessing; `temperature` divides the logits before the softmax; `weights_sha256` is over model.xml
    followed by model.bin; `metrics` holds the held-out numbers. Raises SpecInvalid when it contradicts itself.
    """

    name: str
    version: str
    architecture: str
    modality: Modality
    labels: tuple[str, ...]
    input_size: tuple[int, int]
    preprocessing: str
    temperature: float
    operating_point: OperatingPoint
    weights_sha256: str
    trained_on: tuple[str, ...]
    intended_use: str
    must_not_use: str
    licence: str
    parameters: int = 0
    width: int = 1
    precision: Precision = Precision.FLOAT16
    metrics: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", MappingProxyType(dict(self.metrics)))
        require(bool(NAME.fullmatch(self.name)), f"{self.name!r} is no classifier name.")
        require(bool(VERSION.fullmatch(self.version)), f"{self.version!r} is no version such as 1.0.0.")
        require(bool(SHA256.fullmatch(self.weights_sha256)), "weights_sha256 is no SHA-256 in hexadecimal.")
        require(len(set(self.labels)) == len(self.labels) >= 2, "Labels must differ, and be two or more.")
        require(self.operating_point.positive_label in self.labels, "The positive label is not among the labels.")
        require(self.width >= 1, "The width divides the channels; it is 1 or more.")
        require(self.temperature > 0 and math.isfinite(self.temperature), "The temperature must be above 0.")
        require(len(self.input_size) == 2 and min(self.input_size) > 0, "The input size must be two sides in pixels.")

    @property
    def identity(self) -> str:
        """Name and version in one word, such as densenet121-cxr/1.0.0."""
        return f"{self.name}/{self.version}"

    def to_json(self) -> str:
        """The spec as JSON text, readable and stable in its order."""
        fields = {**vars(self), "operating_point": self.operating_point.to_fields(), "metrics": dict(self.metrics)}
        return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a spec. Raises SpecInvalid for anything but a whole and valid one."""
        with reading("classifier spec"):
            fields = json.loads(text)
            point = fields.pop("operating_point")
            return cls(
                **_tuples(fields) | _enumerations(fields),
                operating_point=OperatingPoint.from_fields(point),
            )


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON knows lists only; the spec keeps tuples, which cannot be changed."""
    return fields | {name: tuple(fields[name]) for name in ("labels", "input_size", "trained_on")}


def _enumerations(fields: dict[str, Any]) -> dict[str, Any]:
    """Specs older than the choice of a precision hold float16."""
    return {
        "modality": Modality(fields["modality"]),
        "precision": Precision(fields.get("precision", Precision.FLOAT16)),
    }
