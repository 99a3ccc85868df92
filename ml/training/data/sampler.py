"""Which images an epoch shows: no label and no patient drowns the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ml.training.data.manifest import Row

# A label may appear in an epoch at most this many times as often as the rarest one; its images take turns.
LARGEST_IMBALANCE = 2.0
# So do the images of a group: forty neighbouring slices say little more than twelve.
MOST_OF_A_GROUP = 12


@dataclass(frozen=True)
class Sampler:
    """Draws the images of an epoch from `labels` int64 (n,) and `groups` str (n,)."""

    labels: NDArray[np.int64]
    groups: NDArray[np.str_]

    @classmethod
    def over(cls, rows: Sequence[Row], labels: NDArray[np.int64]) -> Self:
        """Draws from rows whose label indices are `labels`."""
        return cls(labels, np.array([row.group for row in rows]))

    @cached_property
    def counts(self) -> dict[int, int]:
        """How many images of each label an epoch shows."""
        members = Counter(zip(self.labels.tolist(), self.groups.tolist(), strict=True))
        available: Counter[int] = Counter()
        for (label, _), count in members.items():
            available[label] += min(count, MOST_OF_A_GROUP)
        most = int(LARGEST_IMBALANCE * min(available.values()))
        return {label: min(count, most) for label, count in sorted(available.items())}

    @property
    def size(self) -> int:
        """How many images an epoch shows."""
        return sum(self.counts.values())

    @property
    def weights(self) -> dict[int, float]:
        """Weights that let every label count the same in an epoch; their mean over the images drawn is 1."""
        return {label: self.size / (len(self.counts) * count) for label, count in self.counts.items()}

    def draw(self, random: np.random.Generator) -> NDArray[np.intp]:
        """Indices of the images of an epoch, in random order."""
        shuffled = random.permutation(len(self.labels))
        kept = shuffled[_turns(self.groups[shuffled], self.labels[shuffled]) < MOST_OF_A_GROUP]
        chosen = [kept[self.labels[kept] == label][:count] for label, count in self.counts.items()]
        return random.permutation(np.concatenate(chosen))


def _turns(groups: NDArray[np.str_], labels: NDArray[np.int64]) -> NDArray[np.intp]:
    """For each image, how many of its group and label came before it."""
    seen: Counter[tuple[str, int]] = Counter()
    turns = np.empty(len(groups), dtype=np.intp)
    for index, member in enumerate(zip(groups.tolist(), labels.tolist(), strict=True)):
        turns[index] = seen[member]
        seen[member] += 1
    return turns
