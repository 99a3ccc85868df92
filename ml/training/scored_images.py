"""Images with what a classifier said about them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoredImages:
    """Probabilities float64 (n, classes), true `labels` int64 (n,) as indices of `names`, and where each came from.

    The first of `names` is the positive label. `paths` name the images.
    """

    names: tuple[str, ...]
    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]
    sources: NDArray[np.str_]
    groups: NDArray[np.str_]
    paths: NDArray[np.str_]

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

    @property
    def size(self) -> str:
        """How much there is, in words."""
        return f"{len(self.labels)} images, {len(set(self.groups.tolist()))} groups"

    def take(self, which: NDArray[Any] | Sequence[int]) -> Self:
        """Some of the images, by index or mask; an index may come more than once."""
        arrays = {field.name: getattr(self, field.name)[which] for field in fields(self) if field.name != "names"}
        return replace(self, **arrays)

    def saying(self, probabilities: NDArray[np.float64]) -> Self:
        """The same images with other probabilities (n, classes)."""
        return replace(self, probabilities=probabilities)

    def is_about_the_same_as(self, other: "ScoredImages") -> bool:
        """Whether both are about the same images in the same order, with the same labels and groups."""
        return self.names == other.names and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("labels", "sources", "groups", "paths")
        )


def joined(said: Sequence[ScoredImages], among: Sequence[str]) -> ScoredImages:
    """The folds as one, among some of the labels: other images are left out, probabilities scaled to sum to 1."""
    names = said[0].names
    columns = [names.index(name) for name in among]
    labels = np.concatenate([each.labels for each in said])
    kept = np.isin(labels, columns)
    chances = np.concatenate([each.probabilities for each in said])[kept][:, columns]
    return ScoredImages(
        tuple(among),
        # A certain answer for a label that was left out leaves nothing to scale
        chances / np.maximum(chances.sum(axis=1, keepdims=True), np.finfo(float).tiny),
        np.array([columns.index(label) for label in labels[kept]]),
        **{
            name: np.concatenate([getattr(each, name) for each in said])[kept]
            for name in ("sources", "groups", "paths")
        },
    )
