"""From logits to probabilities, the same way in training, evaluation and serving."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Stored probabilities may be rounded to five digits: below that, served and stored ones must count the same. It also
# keeps one overconfident member from deciding alone.
LEAST = 1e-5


def softmax(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities over the last axis, float64, summing to 1.

    A `temperature` above 1 softens overconfident logits without changing their order
    (Guo et al., On Calibration of Modern Neural Networks, ICML 2017).
    """
    scaled: NDArray[Any] = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def pool(said: ArrayLike, temperature: float = 1.0, weights: Sequence[float] = ()) -> NDArray[np.float64]:
    """One answer from several: the softmax of their mean logarithm, divided by `temperature`.

    `said` float (members, ..., classes) in [0, 1]; returns float64 (..., classes). `weights` say what each member
    counts; without any, all count alike. This is the logarithmic opinion pool (Genest and Zidek, Statistical Science,
    1986).
    """
    return softmax(mean_logarithm(said, weights), temperature)


def mean_logarithm(said: ArrayLike, weights: Sequence[float] = ()) -> NDArray[np.float64]:
    """The logits of a pool before its temperature, float64 (..., classes); arguments as in `pool`."""
    logarithms = np.log(np.maximum(np.asarray(said, dtype=np.float64), LEAST))
    return np.asarray(np.average(logarithms, axis=0, weights=weights) if weights else logarithms.mean(axis=0))
