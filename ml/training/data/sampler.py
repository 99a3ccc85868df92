"""Which images an epoch shows: no label and no patient drowns the others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ml.training.data.manifest import Row

# A label may appear in an epoch at most this many times as often as the rarest one of its stratum; its images take
# turns.
LARGEST_IMBALANCE = 2.0
# So do the images of a group: forty neighbouring slices say little more than twelve.
MOST_OF_A_GROUP = 12


@dataclass(frozen=True)
class Sampler:
    """Draws the images of an epoch from `labels` int64 (n,) and `groups` str (n,).

    Labels are balanced within a stratum: `strata` gives that of each label, a single one where it is empty.
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    strata: Mapping[int, str] = field(default_factory=dict, hash=False)

    @classmethod
    def over(cls, rows: Sequence[Row], labels: NDArray[np.int64], strata: Mapping[int, str] | None = None) -> Self:
        """Draws from rows whose label indices are `labels`."""
        return cls(labels, np.array([row.group for row in rows]), strata or {})

    @cached_property
    def counts(self) -> dict[int, int]:
        """How many images of each label an epoch shows."""
        members = Counter(zip(self.labels.tolist(), self.groups.tolist(), strict=True))
        available: Counter[int] = Counter()
        for (label, _), count in members.items():
            available[label] += min(count, MOST_OF_A_GROUP)
        rarest = {
            stratum: min(count for label, count in available.items() if self.strata.get(label, "") == stratum)
            for stratum in {self.strata.get(label, "") for label in available}
        }
        return {
            label: min(count, int(LARGEST_IMBALANCE * rarest[self.strata.get(label, "")]))
            for label, count in sorted(available.items())
        }

    @property
    def size(self) -> int:
        """How many images an epoch shows."""
        return sum(self.counts.values())

    @property
    def weights(self) -> dict[int, float]:
        """Weights that let every label of a stratum count the same; their mean over the images drawn of it is 1."""
        drawn: Counter[str] = Counter()
        labels: Counter[str] = Counter()
        for label, count in self.counts.items():
            drawn[self.strata.get(label, "")] += count
            labels[self.strata.get(label, "")] += 1
        return {
            label: drawn[stratum] / (labels[stratum] * count)
            for label, count in self.counts.items()
            for stratum in (self.strata.get(label, ""),)
        }

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
