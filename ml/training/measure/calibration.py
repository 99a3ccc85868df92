"""Choose temperature, threshold and zones on the validation part."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

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
    """What the validation part decided; the bounds of the zones are probabilities."""

    temperature: float
    threshold: float
    positive_from: float


def calibrate(logits: NDArray[np.floating], labels: NDArray[np.int64], temperature: float | None = None) -> Calibration:
    """Temperature and zones from logits (n, classes) and labels (n,), of which 0 is the positive one.

    `temperature` where it was found already. Raises ValueError when the labels are all positive or all not.
    """
    temperature = temperature or find_temperature(logits, labels)
    scores, positive = softmax(logits, temperature)[:, 0], labels == 0
    threshold = find_threshold(positive, scores, sensitivity=SENSITIVITY_AIM)
    start = find_positive_from(positive, scores, specificity=SPECIFICITY_AIM)
    return Calibration(temperature, threshold, max(threshold, start))


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
