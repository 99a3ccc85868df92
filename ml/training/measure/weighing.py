"""What each member of an ensemble counts, by how well all of them together answer the questions of each place.

One weight for each member, none below 0 and all summing to 1: so few numbers that they can be found on the validation
part (Breiman, Stacked Regressions, Machine Learning, 1996), and held near equal ones as far as groups that were left
out ask for it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ml.probability import mean_logarithm, softmax
from ml.training.data.questions import LEAST_PROBABILITY, domain_of, likelihoods, side_index
from ml.training.fit.last_layer import FOLDS, fold_of, side_weights
from ml.training.scored_images import ScoredImages

# What it costs that the logarithms of the weights lie apart
PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
# A spec has to be read by people too
DIGITS = 3

Values = NDArray[np.float64]
Targets = NDArray[np.int64]


def weigh(said: Values, about: ScoredImages) -> tuple[float, ...]:
    """The weights of members, in their order.

    `said` float64 (members, n, classes) is what each said of the images that `about` tells of. Images that can answer
    no question do not count.
    """
    asked = np.array([domain_of(source) is not None for source in about.sources.tolist()], dtype=np.bool_)
    here, said = about.take(asked), said[:, asked]
    sides = zip(here.sources.tolist(), here.labels.tolist(), strict=True)
    targets = np.array([side_index(source, here.names[label]) for source, label in sides], dtype=np.int64)
    folds = np.array([fold_of(group) for group in here.groups.tolist()])
    left = {penalty: _left_out(said, targets, here.names, folds, penalty) for penalty in PENALTIES}
    weights = np.round(_fit(said, targets, here.names, min(left, key=left.__getitem__)), DIGITS)
    weights[weights.argmax()] += 1.0 - weights.sum()
    return tuple(round(float(each), DIGITS) for each in weights)


def _left_out(
    said: Values, targets: Targets, names: tuple[str, ...], folds: NDArray[np.int64], penalty: float
) -> float:
    """The loss on groups that the weights were not found on."""
    shares = np.ones(len(targets))
    for fold in range(FOLDS):
        away = folds == fold
        if away.any() and not away.all():
            weights = _fit(said[:, ~away], targets[~away], names, penalty)
            shares[away] = _shares(said[:, away], targets[away], names, weights)
    return _loss(shares, targets)


def _fit(said: Values, targets: Targets, names: tuple[str, ...], penalty: float) -> Values:
    def cost(logits: Values) -> float:
        return _loss(_shares(said, targets, names, softmax(logits)), targets) + penalty * float(logits @ logits) / 2

    return softmax(minimize(cost, np.zeros(len(said)), method="L-BFGS-B").x)


def _shares(said: Values, targets: Targets, names: tuple[str, ...], weights: Values) -> Values:
    return likelihoods(softmax(mean_logarithm(said, weights.tolist())), targets, names)


def _loss(shares: Values, targets: Targets) -> float:
    return float(-side_weights(targets) @ np.log(np.maximum(shares, LEAST_PROBABILITY)))
