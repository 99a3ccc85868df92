"""Images with what a classifier said about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scored:
    """Probabilities float64 (n, classes), true `labels` int64 (n,) as indices of `names`, and where each came from.

    The first of `names` is the positive label.
    """

    names: tuple[str, ...]
    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]
    sources: NDArray[np.str_]
    groups: NDArray[np.str_]

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Which images truly carry the positive label."""
        return np.asarray(self.labels == 0)

    @property
    def score(self) -> NDArray[np.float64]:
        """Probability of the positive label."""
        return np.asarray(self.probabilities[:, 0])

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The likeliest label of each image."""
        return np.asarray(self.probabilities.argmax(axis=1))

    def take(self, which: NDArray[Any] | Sequence[int]) -> "Scored":
        """Some of the images, by index or mask; an index may come more than once."""
        return Scored(
            self.names, self.probabilities[which], self.labels[which], self.sources[which], self.groups[which]
        )
