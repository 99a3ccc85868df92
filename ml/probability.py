"""From logits to probabilities, the same way in training, evaluation and serving."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def softmax(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities over the last axis, float64, summing to 1.

    A `temperature` above 1 softens overconfident logits without changing their order
    (Guo et al., On Calibration of Modern Neural Networks, ICML 2017).
    """
    scaled: NDArray[Any] = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
