"""Several frontal X-rays of one group: pooled, averaged, or the highest."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ml.probability import pool
from ml.study.training.units import ScoredUnits
from ml.training.scored_images import ScoredImages

# From the probabilities float64 (images, classes) of one group to a score of the positive label
RULES: dict[str, Callable[[NDArray[np.float64]], float]] = {
    "pool": lambda said: float(pool(said)[0]),
    "mean": lambda said: float(said[:, 0].mean()),
    "highest": lambda said: float(said[:, 0].max()),
}


def score_frontals(scored: ScoredImages) -> ScoredUnits:
    """Every group of two images or more that carries one label, by every rule."""
    groups = [scored.take(scored.groups == group) for group in sorted(set(scored.groups.tolist()))]
    several = [group for group in groups if len(group.labels) > 1 and len(set(group.labels.tolist())) == 1]
    return ScoredUnits(
        tuple(RULES),
        np.array([[rule(group.probabilities) for rule in RULES.values()] for group in several]),
        np.array([bool(group.positive[0]) for group in several]),
        np.array([str(group.groups[0]) for group in several]),
    )
