"""How long things took, kept as counts: many spans in little room, and the sums of two periods are those of both.

Spans within one per cent of each other share a bucket, which keeps their number and their sum. A quantile is the mean
of the bucket that it falls into: at most one per cent away from the exact one, and exact where few were measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

WIDTH = math.log(1.01)


@dataclass(frozen=True)
class Times:
    """`buckets`: number of the bucket → how many spans, and their sum in seconds."""

    buckets: Mapping[int, tuple[int, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Times:
        found: dict[int, tuple[int, float]] = {}
        for span in seconds:
            number = math.floor(math.log(max(span, 1.0)) / WIDTH)
            count, total = found.get(number, (0, 0.0))
            found[number] = (count + 1, total + span)
        return cls(found)

    def __add__(self, other: Times) -> Times:
        found = dict(self.buckets)
        for number, (count, total) in other.buckets.items():
            before = found.get(number, (0, 0.0))
            found[number] = (before[0] + count, before[1] + total)
        return Times(found)

    @property
    def count(self) -> int:
        return sum(count for count, _total in self.buckets.values())

    def quantile(self, share: float) -> float | None:
        """Seconds below which `share` (0 to 1) of the spans lie, between ranks by linear interpolation (type 7 of
        Hyndman and Fan, "Sample quantiles in statistical packages", 1996); None without any.
        """
        if not self.buckets:
            return None
        place = share * (self.count - 1)
        low = math.floor(place)
        below, above = self._at(low), self._at(min(low + 1, self.count - 1))
        return below + (above - below) * (place - low)

    def _at(self, rank: int) -> float:
        passed = 0
        for _number, (count, total) in sorted(self.buckets.items()):
            passed += count
            if rank < passed:
                return total / count
        raise IndexError(rank)
