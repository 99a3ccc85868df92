"""A share of a whole, with how sure one can be of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

Z95 = 1.959964  # of the normal distribution, for 95 %
# No rate is shown of fewer: one reading more or less would move it by more than ten points.
FEWEST = 10


@dataclass(frozen=True)
class Proportion:
    """`part` of `whole`, both counts."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        """0 to 1; None where there is nothing to share."""
        return self.part / self.whole if self.whole else None

    @property
    def is_shown(self) -> bool:
        """Whether there are enough for a rate to say something."""
        return self.whole >= FEWEST

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the share (Wilson 1927), 0 to 1; None where there is nothing to share."""
        if self.share is None:
            return None
        n, z = self.whole, Z95
        middle = (self.share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * sqrt(self.share * (1 - self.share) / n + z**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)
