"""What training makes small."""

from typing import Any

import keras


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
