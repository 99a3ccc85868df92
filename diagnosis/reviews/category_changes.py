"""How often a reader's decision differs from what they thought before they saw the classifiers' result."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F, QuerySet

from diagnosis.models import FirstImpression, Review
from diagnosis.proportion import Proportion
from diagnosis.states import ReviewStatus


@dataclass(frozen=True)
class CategoryChanges:
    """`changed` of `total` readings ended in another category than their first impression."""

    changed: int
    total: int

    def __add__(self, other: CategoryChanges) -> CategoryChanges:
        return CategoryChanges(self.changed + other.changed, self.total + other.total)

    @property
    def proportion(self) -> Proportion:
        return Proportion(self.changed, self.total)

    @property
    def share(self) -> float | None:
        """0 to 1; None without any reading."""
        return self.proportion.share

    @property
    def interval(self) -> tuple[float, float] | None:
        """The share's 95 % interval (Wilson), 0 to 1; None without any reading."""
        return self.proportion.interval


def category_changes(reviews: QuerySet[Review]) -> CategoryChanges:
    """Over those of `reviews` that are decided and whose reader had committed a first impression."""
    compared = FirstImpression.objects.filter(
        review__in=reviews.filter(status=ReviewStatus.DECIDED), reader=F("review__reader")
    )
    return CategoryChanges(changed=compared.exclude(category=F("review__category")).count(), total=compared.count())
