"""Choose temperature and threshold on the validation part."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ml.probability import softmax

TEMPERATURES = (0.2, 5.0)
EPSILON = 1e-12


def find_temperature(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The temperature with the lowest negative log-likelihood; `logits` (n, classes), `labels` (n,)."""

    def loss(log_temperature: float) -> float:
        probabilities = softmax(logits, math.exp(log_temperature))
        right = probabilities[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(right, EPSILON)).mean())

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
    return math.floor(float(ordered[needed - 1]) * 1e4) / 1e4
