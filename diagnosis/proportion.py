"""A share of a whole, with how sure one can be of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt

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

    @property
    def exact(self) -> tuple[float, float] | None:
        """Clopper and Pearson's exact 95 % interval (Biometrika 26, 1934); None where there is nothing to share."""
        if not self.whole:
            return None
        low = _where(lambda p: 1 - _at_most(self.part - 1, self.whole, p), TAIL) if self.part else 0.0
        above = self.part < self.whole
        high = _where(lambda p: 1 - _at_most(self.part, self.whole, p), 1 - TAIL) if above else 1.0
        return low, high

    @property
    def most(self) -> float:
        """The upper end of the one-sided exact 95 % interval (Clopper and Pearson 1934); 1 where all are part of it."""
        if self.part >= self.whole:
            return 1.0
        return _where(lambda p: 1 - _at_most(self.part, self.whole, p), 1 - 2 * TAIL)


TAIL = 0.025  # on either side of a 95 % interval
HALVINGS = 50


def _at_most(part: int, whole: int, p: float) -> float:
    """The probability of at most `part` of `whole`, each with probability `p` between 0 and 1."""
    # In logarithms: of a thousand cases, how many ways there are to choose is more than a float can hold.
    yes, no, ways = log(p), log(1 - p), lgamma(whole + 1)
    return sum(exp(ways - lgamma(k + 1) - lgamma(whole - k + 1) + k * yes + (whole - k) * no) for k in range(part + 1))


def _where(rising: Callable[[float], float], value: float) -> float:
    """Between 0 and 1, where a rising function takes a value."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2
