"""How often a reader's decision differs from what they thought before they saw the classifiers' result."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from django.db.models import F, QuerySet

from diagnosis.models import FirstImpression, Review
from diagnosis.states import ReviewStatus

Z95 = 1.959964


@dataclass(frozen=True)
class ChangedMinds:
    """`changed` of `total` readings ended in another category than their first impression."""

    changed: int
    total: int

    @property
    def share(self) -> float | None:
        """0 to 1; None without any reading."""
        return self.changed / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the share (Wilson 1927), 0 to 1; None without any reading."""
        if self.share is None:
            return None
        n, z = self.total, Z95
        middle = (self.share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * sqrt(self.share * (1 - self.share) / n + z**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)


def changed_minds(reviews: QuerySet[Review]) -> ChangedMinds:
    """Over those of `reviews` that are decided and whose reader had committed a first impression."""
    compared = FirstImpression.objects.filter(
        review__in=reviews.filter(status=ReviewStatus.DECIDED), reader=F("review__reader")
    )
    return ChangedMinds(changed=compared.exclude(category=F("review__category")).count(), total=compared.count())
