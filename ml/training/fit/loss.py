"""What training makes small."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

# Stands for a label that is not asked about: its exponential is 0 in float32.
LEAST_LOGIT = -1e9


class SmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy of logits (n, classes) against integer labels (n,).

    `smoothing`, in [0, 1), of each label is spread over all classes, which keeps the network from certainty
    (Szegedy et al., CVPR 2016).
    """

    def __init__(self, smoothing: float, classes: int) -> None:
        super().__init__(name="loss")
        self.smoothing, self.classes = smoothing, classes

    def call(self, y_true: Any, y_pred: Any) -> Any:
        flat = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
        target = keras.ops.one_hot(flat, self.classes) * (1.0 - self.smoothing) + self.smoothing / self.classes
        return keras.losses.categorical_crossentropy(target, y_pred, from_logits=True)


class SidedCrossEntropy(keras.losses.Loss):
    """Cross-entropy of logits (n, classes) against the side of a question that each image is on, int (n,).

    The probability of a side is that of its allowed labels as a share of those it is asked among; `allowed` and `among`
    are float32 (sides, classes) of 0 and 1. `smoothing`, in [0, 1), is given to the other side of the question.
    """

    def __init__(self, smoothing: float, allowed: NDArray[np.float32], among: NDArray[np.float32]) -> None:
        super().__init__(name="loss")
        self.smoothing, self.allowed, self.among = smoothing, allowed, among

    def call(self, y_true: Any, y_pred: Any) -> Any:
        side = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
        allowed = keras.ops.take(keras.ops.convert_to_tensor(self.allowed), side, axis=0)
        among = keras.ops.take(keras.ops.convert_to_tensor(self.among), side, axis=0)
        whole = _log_sum(y_pred, among)
        this, other = _log_sum(y_pred, allowed) - whole, _log_sum(y_pred, among - allowed) - whole
        return -(1.0 - self.smoothing) * this - self.smoothing * other


def _log_sum(logits: Any, mask: Any) -> Any:
    """The logarithm of the summed exponentials of the logits under a mask, (n,)."""
    return keras.ops.logsumexp(keras.ops.where(mask > 0, logits, LEAST_LOGIT), axis=-1)
