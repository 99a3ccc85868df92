"""Cohen's kappa of two yes-or-no raters, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from diagnosis.proportion import Z95


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance, -1 to 1, and its 95 % interval cut to that range."""

    value: float
    low: float
    high: float

    @property
    def interval(self) -> tuple[float, float]:
        return self.low, self.high


def kappa(both: int, only_first: int, only_second: int, neither: int) -> Kappa | None:
    """Cohen's kappa (1960) of a 2 × 2 table of counts; None where a rater always says the same.

    The interval is kappa ± 1.96 standard errors, by the large-sample variance of Fleiss, Cohen and Everitt,
    "Large sample standard errors of kappa and weighted kappa", Psychological Bulletin 72 (1969), equation 13.
    """
    n = both + only_first + only_second + neither
    if n in (both + only_first, both + only_second, neither + only_first, neither + only_second):
        # Nobody was given a choice to agree on: the formula would claim a kappa of exactly 0, or divide by 0.
        return None
    table = ((both / n, only_first / n), (only_second / n, neither / n))
    rows = [sum(row) for row in table]
    columns = [sum(column) for column in zip(*table, strict=True)]
    observed = table[0][0] + table[1][1]
    chance = sum(row * column for row, column in zip(rows, columns, strict=True))
    value = (observed - chance) / (1 - chance)
    error = sqrt(max(0.0, _variance(table, rows, columns, observed, chance)) / n)
    return Kappa(value, max(-1.0, value - Z95 * error), min(1.0, value + Z95 * error))


def _variance(
    table: tuple[tuple[float, float], tuple[float, float]],
    rows: list[float],
    columns: list[float],
    observed: float,
    chance: float,
) -> float:
    """Of one rating; divided by their number it is kappa's."""
    agreeing = sum(table[i][i] * ((1 - chance) - (rows[i] + columns[i]) * (1 - observed)) ** 2 for i in range(2))
    differing = sum(table[i][1 - i] * (columns[i] + rows[1 - i]) ** 2 for i in range(2))
    whole = agreeing + (1 - observed) ** 2 * differing - (observed * chance - 2 * chance + observed) ** 2
    return whole / (1 - chance) ** 4
