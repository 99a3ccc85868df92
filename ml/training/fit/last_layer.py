"""Teach the last layer of a network again, and leave all that it sees as it is.

A network that learnt to tell hospitals has often learnt to see lungs too, and only weighs wrongly what it sees. Its
last layer, taught anew on images whose place does not give the answer away, can mend that (Kirichenko, Izmailov and
Wilson, Last Layer Re-Training is Sufficient for Robustness to Spurious Correlations, ICLR 2023). Each penalty has one
best layer, so neither chance nor a learning rate decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ml.probability import softmax
from ml.training.data.questions import LEAST_PROBABILITY, SIDES, label_masks, likelihoods
from ml.training.fit.loss import LEAST_LOGIT

Values = NDArray[np.float64]
Targets = NDArray[np.int64]
# What the squares of the weights cost, for features of deviation 1
PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
FOLDS = 5
SMALLEST_DEVIATION = 1e-6
# The second derivative of a cross-entropy of two sides along their logit is nowhere greater
STEEPEST_BEND = 0.25
# With the axes scaled by their bends, 100 steps are enough for 1024 channels
STEPS, PRECISION = 300, 1e-12


@dataclass(frozen=True)
class Layer:
    """`kernel` float64 (channels, labels) and `bias` float64 (labels,): logits are features @ kernel + bias."""

    kernel: Values
    bias: Values

    def logits(self, features: Values) -> Values:
        """Of features (n, channels): float64 (n, labels)."""
        return np.asarray(features @ self.kernel + self.bias)


class Lesson:
    """Images to teach a last layer on: what is before that layer for each, and the side of a question that it is on.

    `features` float64 (n, channels), `targets` int64 (n,) are indices of SIDES, `labels` the names of the layer's
    outputs. What is to be small is the loss of `ml.training.fit.loss.SidedCrossEntropy` with the weights of
    `side_weights`, and `smoothing` as there.
    """

    def __init__(self, features: Values, targets: Targets, labels: Sequence[str], *, smoothing: float) -> None:
        self._middle, self._spread = features.mean(axis=0), np.maximum(features.std(axis=0), SMALLEST_DEVIATION)
        self._allowed, self._among = (masks[targets].astype(np.float64) for masks in label_masks(labels))
        self._weights, self._smoothing = side_weights(targets), smoothing
        scaled = (features - self._middle) / self._spread
        # Along these axes the loss bends almost independently, so that few steps find the best layer
        bends, self._axes = np.linalg.eigh((scaled * self._weights[:, np.newaxis]).T @ scaled)
        self._bends, self._turned = np.maximum(bends, 0.0), scaled @ self._axes

    def teach(self, penalty: float) -> Layer:
        """The layer of least loss, where half the sum of its squared weights costs `penalty`; the bias is free."""
        pace = 1.0 / np.sqrt(STEEPEST_BEND * self._bends + penalty)[:, np.newaxis]
        steps, cost = self._turned * pace.T, penalty * pace**2
        shape = (len(pace) + 1, self._among.shape[1])

        def loss(flat: Values) -> tuple[float, Values]:
            layer = flat.reshape(shape)
            each, slope = self._loss(steps @ layer[:-1] + layer[-1])
            gradient = np.vstack([steps.T @ slope + cost * layer[:-1], slope.sum(axis=0)])
            return each + float((cost * layer[:-1] ** 2).sum()) / 2, gradient.ravel()

        options = {"maxiter": STEPS, "ftol": PRECISION, "gtol": PRECISION**0.5}
        found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(shape)
        kernel = self._axes @ (pace * found[:-1]) / self._spread[:, np.newaxis]
        return Layer(kernel, found[-1] - self._middle @ kernel)

    def _loss(self, logits: Values) -> tuple[float, Values]:
        """The loss of logits (n, labels) and its slope along each, float64 (n, labels)."""
        kept = 1.0 - self._smoothing
        (whole, asked), (this, here), (other, there) = (
            _log_sum(logits, mask) for mask in (self._among, self._allowed, self._among - self._allowed)
        )
        slope = asked - kept * here - self._smoothing * there
        loss = self._weights @ (whole - kept * this - self._smoothing * other)
        return float(loss), np.asarray(slope * self._weights[:, np.newaxis])


def measure_penalties(
    features: Values, targets: Targets, groups: Sequence[str], labels: Sequence[str], *, smoothing: float
) -> dict[float, float]:
    """The loss that each of PENALTIES leaves on groups that the layer was not taught; arrays and labels as in Lesson.

    It is the cross-entropy without smoothing, weighted by `side_weights`. Raises ValueError where the groups are too
    few to leave out some of them.
    """
    folds = np.array([fold_of(group) for group in groups])
    if len(set(folds.tolist())) < 2:
        raise ValueError("All images are of one group or of groups that are left out together. More groups are needed.")
    said = {penalty: np.zeros((len(targets), len(labels))) for penalty in PENALTIES}
    for fold in sorted(set(folds.tolist())):
        seen = folds != fold
        lesson = Lesson(features[seen], targets[seen], labels, smoothing=smoothing)
        for penalty, logits in said.items():
            logits[~seen] = lesson.teach(penalty).logits(features[~seen])
    return {penalty: _cross_entropy(logits, targets, labels) for penalty, logits in said.items()}


def fold_of(group: str) -> int:
    """In which of FOLDS a group is left out; its name decides, not its place among others."""
    return int(sha256(f"last layer {group}".encode()).hexdigest(), 16) % FOLDS


def side_weights(targets: Targets) -> Values:
    """What each image counts, float64 (n,), summing to 1: both sides of a domain alike, domains by their size."""
    counts = np.bincount(targets, minlength=len(SIDES))
    domains = counts.reshape(-1, 2).sum(axis=1).repeat(2)
    weights = (domains / np.maximum(counts, 1))[targets]
    return np.asarray(weights / weights.sum())


def _cross_entropy(logits: Values, targets: Targets, labels: Sequence[str]) -> float:
    shares = likelihoods(softmax(logits), targets, labels)
    return float(-side_weights(targets) @ np.log(np.maximum(shares, LEAST_PROBABILITY)))


def _log_sum(logits: Values, mask: Values) -> tuple[Values, Values]:
    """The logarithm of the summed exponentials under a mask, (n,), and the share that each has in them."""
    masked = np.where(mask > 0, logits, LEAST_LOGIT)
    highest = masked.max(axis=1, keepdims=True)
    powers = np.exp(masked - highest)
    whole = powers.sum(axis=1, keepdims=True)
    return (highest + np.log(whole))[:, 0], powers / whole
