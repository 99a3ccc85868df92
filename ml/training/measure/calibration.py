"""Choose temperature, threshold and zones on the validation part."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from ml.abnormality import calibrated, logit
from ml.probability import softmax

SENSITIVITY_AIM = SPECIFICITY_AIM = 0.95
CHOSEN_FOR = (
    f"sensitivity of at least {SENSITIVITY_AIM:.2f}, the positive zone for a specificity of at least "
    f"{SPECIFICITY_AIM:.2f}, both on the validation part"
)
TEMPERATURES = (0.2, 5.0)
EPSILON = 1e-12
DIGITS = 1e4


@dataclass(frozen=True)
class Calibration:
    """What the validation part decided; the bounds of the zones are probabilities.

    `domains` are those whose images decided the bounds, and on which they are measured; empty where all did. `kind`
    says what their images show. `chosen_for` names the aims and what they were kept on, `chosen_on` how many images
    chose each bound, as `count_choosers` gives it.
    """

    temperature: float
    threshold: float
    positive_from: float
    domains: tuple[str, ...] = ()
    kind: str = "images"
    chosen_for: str = CHOSEN_FOR
    chosen_on: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A calibration on the logit: what the logistic function is taken of is `slope` * logit + `intercept`."""

    slope: float
    intercept: float

    def read(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated probabilities float64 (n,) of scores (n,) in [0, 1]."""
        return np.array([calibrated(score, self.slope, self.intercept) for score in scores.tolist()])


def fit_line(scores: NDArray[np.floating], positive: NDArray[np.bool_], groups: NDArray[np.str_]) -> Line:
    """The line of Platt (Advances in Large Margin Classifiers, 1999), to four digits; every group counts the same.

    `scores` (n,) in [0, 1]. Raises ValueError where all are positive or none is.
    """
    logits = np.array([[logit(score)] for score in scores.tolist()])
    _, which, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    model = LogisticRegression(C=np.inf)
    model.fit(logits, positive, sample_weight=1.0 / sizes[which])
    return Line(round(float(model.coef_[0, 0]), 4), round(float(model.intercept_[0]), 4))


def calibrate(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> Calibration:
    """Temperature and zones from logits (n, classes) and labels (n,), of which 0 is the positive one.

    Raises ValueError when the labels are all positive or all not.
    """
    temperature = find_temperature(logits, labels)
    return Calibration(temperature, *find_bounds(softmax(logits, temperature)[:, 0], labels == 0))


def find_bounds(
    scores: NDArray[np.floating],
    positive: NDArray[np.bool_],
    *,
    sensitivity: float = SENSITIVITY_AIM,
    specificity: float = SPECIFICITY_AIM,
) -> tuple[float, float]:
    """The threshold and where the positive zone begins, from scores (n,) and which of them are truly positive.

    Raises ValueError when all are or none is.
    """
    threshold = find_threshold(positive, scores, sensitivity=sensitivity)
    return threshold, max(threshold, find_positive_from(positive, scores, specificity=specificity))


def count_choosers(
    positive: NDArray[np.bool_],
    groups: NDArray[np.str_],
    *,
    sensitivity: float = SENSITIVITY_AIM,
    specificity: float = SPECIFICITY_AIM,
) -> dict[str, dict[str, int]]:
    """For each bound that `find_bounds` finds: how many images of how many groups chose it, and how many it may miss.

    A group is a patient, as far as one is known. `missed`: at most so many positives lie below the threshold, and so
    many others from the upper bound on. With 0 a single image decides.
    """
    sides = {"threshold": (positive, sensitivity), "positive_from": (~positive, specificity)}
    return {
        name: {
            "images": int(which.sum()),
            "groups": len(set(groups[which].tolist())),
            "missed": int(which.sum()) - math.ceil(aim * int(which.sum())),
        }
        for name, (which, aim) in sides.items()
    }


def name_choosers(domains: Sequence[str], chosen_on: Mapping[str, Mapping[str, int]], sides: tuple[str, str]) -> str:
    """Where the bounds were chosen and on how much; `sides` name the images with and without the positive label."""
    counts = (chosen_on["threshold"], chosen_on["positive_from"])
    told = [f"{each['images']} {side} in {each['groups']} groups" for each, side in zip(counts, sides, strict=True)]
    return f"{', '.join(domains)}: {', '.join(told)}"


def find_temperature(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The temperature with the lowest negative log-likelihood; `logits` (n, classes), `labels` (n,)."""
    return likeliest_temperature(logits, lambda probabilities: probabilities[np.arange(len(labels)), labels])


def likeliest_temperature(
    logits: NDArray[np.floating], right: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> float:
    """The temperature that makes what is true likeliest: `right` gives its share (n,) of probabilities (n, classes)."""

    def loss(log_temperature: float) -> float:
        shares = right(softmax(logits, math.exp(log_temperature)))
        return float(-np.log(np.maximum(shares, EPSILON)).mean())

    low, high = (math.log(bound) for bound in TEMPERATURES)
    return round(math.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x), 4)


def find_threshold(positive: NDArray[np.bool_], scores: NDArray[np.floating], *, sensitivity: float) -> float:
    """The highest threshold that still calls at least that share of the positives, rounded down to four digits.

    Raises ValueError when there is no positive to learn from.
    """
    ordered = np.sort(scores[positive])[::-1]
    if ordered.size == 0:
        raise ValueError("A threshold needs positive images in the validation part.")
    needed = math.ceil(sensitivity * ordered.size)
    return math.floor(float(ordered[needed - 1]) * DIGITS) / DIGITS


def find_positive_from(positive: NDArray[np.bool_], scores: NDArray[np.floating], *, specificity: float) -> float:
    """The lowest bound below which at least that share of the negatives lies, rounded up to four digits; at most 1.

    Raises ValueError when there is no negative to learn from.
    """
    ordered = np.sort(scores[~positive])
    if ordered.size == 0:
        raise ValueError("The positive zone needs negative images in the validation part.")
    needed = math.ceil(specificity * ordered.size)
    # One step further, for the bound itself belongs to the positive zone
    return min(1.0, (math.floor(float(ordered[needed - 1]) * DIGITS) + 1) / DIGITS)
