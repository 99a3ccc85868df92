"""Teach the last layer of a network again, and leave all that it sees as it is.

A network that learnt to tell hospitals has often learnt to see lungs too, and only weighs wrongly what it sees. Its
last layer, taught anew on images whose place does not give the answer away, can mend that (Kirichenko, Izmailov and
Wilson, Last Layer Re-Training is Sufficient for Robustness to Spurious Correlations, ICLR 2023). Each penalty has one
best layer, so neither chance nor a learning rate decides.

A change that says nothing about a lung should not move an answer: what it moves costs too. Teaching on many changed
copies comes to nearly the same (Bishop, Training with Noise is Equivalent to Tikhonov Regularization, Neural
Computation, 1995), but then nothing says how steady a layer has to be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ml.probability import softmax
from ml.training.data.questions import LEAST_PROBABILITY, known_sides, label_masks, likelihoods
from ml.training.fit.loss import LEAST_LOGIT

Values = NDArray[np.float64]
Targets = NDArray[np.int64]
# What the squares of the weights cost, for features of deviation 1
PENALTIES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
# What the mean square of the moves of logits by a change costs (docs/adr/0236)
MOVES_COST = 0.4
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


@dataclass(frozen=True)
class PenaltySearch:
    """The loss that each of PENALTIES leaves on groups that the layer was not taught, and how sure the least is.

    The losses are cross-entropies without smoothing, weighted by `side_weights`; `error` is the standard error of the
    least one, over groups.
    """

    losses: Mapping[float, float]
    error: float

    @property
    def chosen(self) -> float:
        """The greatest penalty that costs at most one standard error more than the best one.

        Of layers that answer about alike it is the steadiest (Breiman, Friedman, Olshen and Stone, Classification and
        Regression Trees, 1984).
        """
        enough = min(self.losses.values()) + self.error
        return max(penalty for penalty, loss in self.losses.items() if loss <= enough)


class Lesson:
    """Images to teach a last layer on: what is before that layer for each, and the side of a question that it is on.

    `features` float64 (n, channels), `targets` int64 (n,) are indices of `known_sides`, `labels` names the layer's
    outputs. What is to be small is the loss of `ml.training.fit.loss.SidedCrossEntropy` with the weights of
    `side_weights`, and `smoothing` as there. `changed` float64 (n, channels) is before that layer for the same images
    changed so that no answer should move; None where nothing is known of that.
    """

    def __init__(
        self,
        features: Values,
        targets: Targets,
        labels: Sequence[str],
        *,
        smoothing: float,
        changed: Values | None = None,
    ) -> None:
        self._features, self._targets, self._labels, self._changed = features, targets, labels, changed
        self._middle, self._spread = features.mean(axis=0), np.maximum(features.std(axis=0), SMALLEST_DEVIATION)
        self._allowed, self._among = (masks[targets].astype(np.float64) for masks in label_masks(labels))
        self._weights, self._smoothing = side_weights(targets), smoothing
        scaled = (features - self._middle) / self._spread
        moves = np.zeros((1, features.shape[1])) if changed is None else (changed - features) / self._spread
        moving = MOVES_COST * moves.T @ moves / len(moves)
        # Along these axes the loss bends almost independently, so that few steps find the best layer
        bends, self._axes = np.linalg.eigh(STEEPEST_BEND * (scaled * self._weights[:, np.newaxis]).T @ scaled + moving)
        self._bends, self._turned = np.maximum(bends, 0.0), scaled @ self._axes
        self._moving = self._axes.T @ moving @ self._axes

    def teach(self, penalty: float) -> Layer:
        """The layer of least loss, where half the sum of its squared weights costs `penalty`; the bias is free.

        Half the mean square of what the changes move costs MOVES_COST.
        """
        pace = 1.0 / np.sqrt(self._bends + penalty)[:, np.newaxis]
        steps, costs = self._turned * pace.T, pace * (penalty * np.eye(len(pace)) + self._moving) * pace.T
        shape = (len(pace) + 1, self._among.shape[1])

        def loss(flat: Values) -> tuple[float, Values]:
            layer = flat.reshape(shape)
            each, slope = self._loss(steps @ layer[:-1] + layer[-1])
            cost = costs @ layer[:-1]
            gradient = np.vstack([steps.T @ slope + cost, slope.sum(axis=0)])
            return each + float((cost * layer[:-1]).sum()) / 2, gradient.ravel()

        options = {"maxiter": STEPS, "ftol": PRECISION, "gtol": PRECISION**0.5}
        found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(shape)
        kernel = self._axes @ (pace * found[:-1]) / self._spread[:, np.newaxis]
        return Layer(kernel, found[-1] - self._middle @ kernel)

    def search_penalty(self, groups: Sequence[str]) -> PenaltySearch:
        """Try each of PENALTIES on groups that are left out, of those that the images are of.

        Raises ValueError where the groups are too few to leave out some of them.
        """
        folds = np.array([fold_of(group) for group in groups])
        if len(set(folds.tolist())) < 2:
            raise ValueError(
                "All images are of one group or of groups that are left out together. More groups are needed."
            )
        said = {penalty: np.zeros((len(folds), len(self._labels))) for penalty in PENALTIES}
        for fold in sorted(set(folds.tolist())):
            lesson = self._take(folds != fold)
            for penalty, logits in said.items():
                logits[folds == fold] = lesson.teach(penalty).logits(self._features[folds == fold])
        each = {penalty: _cross_entropies(logits, self._targets, self._labels) for penalty, logits in said.items()}
        losses = {penalty: float(self._weights @ entropies) for penalty, entropies in each.items()}
        best = min(losses, key=losses.__getitem__)
        return PenaltySearch(losses, _standard_error(each[best] - losses[best], self._weights, groups))

    def _take(self, which: NDArray[np.bool_]) -> "Lesson":
        changed = None if self._changed is None else self._changed[which]
        features, targets = self._features[which], self._targets[which]
        return Lesson(features, targets, self._labels, smoothing=self._smoothing, changed=changed)

    def _loss(self, logits: Values) -> tuple[float, Values]:
        """The loss of logits (n, labels) and its slope along each, float64 (n, labels)."""
        kept = 1.0 - self._smoothing
        (whole, asked), (this, here), (other, there) = (
            _log_sum(logits, mask) for mask in (self._among, self._allowed, self._among - self._allowed)
        )
        slope = asked - kept * here - self._smoothing * there
        loss = self._weights @ (whole - kept * this - self._smoothing * other)
        return float(loss), np.asarray(slope * self._weights[:, np.newaxis])


def _standard_error(deviations: Values, weights: Values, groups: Sequence[str]) -> float:
    """Of a weighted mean from which images deviate so, where those of a group go together."""
    _, numbers = np.unique(np.array(groups), return_inverse=True)
    return float(np.sqrt((np.bincount(numbers, weights * deviations) ** 2).sum()))


def fold_of(group: str) -> int:
    """In which of FOLDS a group is left out; its name decides, not its place among others."""
    return int(sha256(f"last layer {group}".encode()).hexdigest(), 16) % FOLDS


def side_weights(targets: Targets) -> Values:
    """What each image counts, float64 (n,), summing to 1: both sides of a domain alike, domains by their size."""
    counts = np.bincount(targets, minlength=len(known_sides()))
    domains = counts.reshape(-1, 2).sum(axis=1).repeat(2)
    weights = (domains / np.maximum(counts, 1))[targets]
    return np.asarray(weights / weights.sum())


def _cross_entropies(logits: Values, targets: Targets, labels: Sequence[str]) -> Values:
    """Of each image, float64 (n,)."""
    return np.asarray(-np.log(np.maximum(likelihoods(softmax(logits), targets, labels), LEAST_PROBABILITY)))


def _log_sum(logits: Values, mask: Values) -> tuple[Values, Values]:
    """The logarithm of the summed exponentials under a mask, (n,), and the share that each has in them."""
    masked = np.where(mask > 0, logits, LEAST_LOGIT)
    highest = masked.max(axis=1, keepdims=True)
    powers = np.exp(masked - highest)
    whole = powers.sum(axis=1, keepdims=True)
    return (highest + np.log(whole))[:, 0], powers / whole
