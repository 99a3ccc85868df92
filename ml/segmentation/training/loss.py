"""What fitting the masks makes small."""

from typing import Any

import keras
from keras import ops

# In a target: the mask of this channel's convention is not known.
UNKNOWN = 255


class DiceCrossEntropy(keras.losses.Loss):
    """Cross-entropy plus one less the soft Dice of each known channel.

    Logits (n, h, w, channels) against uint8 targets of the same shape: 1 lung, 0 none, UNKNOWN in a whole channel that
    teaches nothing. An empty mask has a Dice of 1 where nothing was found, which the smoothing takes care of.
    """

    def __init__(self, smoothing: float = 16.0) -> None:
        super().__init__(name="loss")
        self.smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        known = ops.cast(ops.not_equal(y_true[:, :1, :1, :], UNKNOWN), "float32")
        lungs = ops.cast(ops.equal(y_true, 1), "float32")
        crossed = ops.mean(ops.softplus(y_pred) - lungs * y_pred, axis=(1, 2))
        said = ops.sigmoid(y_pred)
        both, either = ops.sum(said * lungs, axis=(1, 2)), ops.sum(said + lungs, axis=(1, 2))
        missed = 1.0 - (2.0 * both + self.smoothing) / (either + self.smoothing)
        return ops.sum((crossed + missed) * known[:, 0, 0, :], axis=-1)
