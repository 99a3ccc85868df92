"""A running average of all weights, which generalises better than the last step's (Polyak and Juditsky, 1992)."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

Weights = list[NDArray[Any]]


class WeightAverage(keras.callbacks.Callback):
    """Keeps an exponential average of the weights, statistics of batch normalisation included.

    Keras' own average leaves those statistics out, which then do not belong to the averaged weights.
    """

    def __init__(self, *, decay: float = 0.98, every: int = 4) -> None:
        super().__init__()
        self.decay, self.every = decay, every
        self.weights: Weights = []
        self.updates = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if batch % self.every == 0:
            self.update()

    def update(self) -> None:
        """Take the model's present weights in; early on the average follows them closely."""
        current = _weights_of(self.model)
        self.updates += 1
        keep = min(self.decay, self.updates / (self.updates + 10))
        if not self.weights:
            self.weights = [np.array(value) for value in current]
            return
        for average, value in zip(self.weights, current, strict=True):
            average[...] = keep * average + (1.0 - keep) * value

    def swap(self) -> None:
        """Exchange the model's weights with the average; call again to exchange them back."""
        current = _weights_of(self.model)
        self.model.set_weights(self.weights)
        self.weights = [np.array(value) for value in current]


def _weights_of(model: keras.Model) -> Weights:
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()
    values: Weights = model.get_weights()
    return values
