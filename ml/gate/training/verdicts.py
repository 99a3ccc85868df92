"""What the gate said of many images, and the shares of it with their intervals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.spec import Estimate, Modality
from ml.training.measure.bootstrap import estimates, with_exact_bounds

ACCEPTED = "accepted"


@dataclass(frozen=True)
class Verdict:
    """Of one image said to be of `modality`: `code` is the refusal's, or ACCEPTED."""

    modality: Modality
    kind: str
    source: str
    group: str
    code: str


@dataclass(frozen=True)
class Verdicts:
    """Several verdicts: `groups` str (n,), `accepted` bool (n,)."""

    groups: NDArray[np.str_]
    accepted: NDArray[np.bool_]

    @classmethod
    def of(cls, verdicts: Sequence[Verdict]) -> "Verdicts":
        """The same as arrays."""
        return cls(
            np.array([verdict.group for verdict in verdicts]),
            np.array([verdict.code == ACCEPTED for verdict in verdicts]),
        )

    def take(self, which: NDArray[Any]) -> "Verdicts":
        """Some of them, by index; an index may come more than once."""
        return Verdicts(self.groups[which], self.accepted[which])


def share(verdicts: Sequence[Verdict], *, accepted: bool) -> Estimate:
    """The share of accepted (or refused) images with its 95 % interval over groups."""
    several = Verdicts.of(verdicts)
    name = "share"
    found = estimates(several, lambda drawn: {name: float(np.mean(drawn.accepted == accepted))})[name]
    return with_exact_bounds(found, len(set(several.groups)))


def counted(codes: Iterable[str]) -> dict[str, int]:
    """How often each code came, the commonest first."""
    names, counts = np.unique(list(codes), return_counts=True)
    return {str(names[index]): int(counts[index]) for index in np.argsort(-counts, kind="stable")}
