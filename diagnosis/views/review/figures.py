"""The numbers above the queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import IntegerField, Subquery
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis import keyset
from diagnosis.models import Review
from diagnosis.models.review import ReviewKind, ReviewQuerySet
from diagnosis.states import ReviewStatus as S

# How far cases are counted: to count a queue of thousands takes longer than to show its first page.
MOST_COUNTED = 1_000
COUNTED = ("waiting", "urgent", "repeated", "claimed", "mine")
# Those that a filter leaves: several are looked at for each that is counted.
MOST_MATCHING = 200


@dataclass(frozen=True)
class Numbers:
    """`turnaround` is the median from upload to decision of what was read first today; None before the first."""

    waiting: keyset.Count
    urgent: keyset.Count
    repeated: keyset.Count
    claimed: keyset.Count
    mine: keyset.Count
    oldest: datetime | None
    read: int
    turnaround: timedelta | None


def numbers(clinics: list[Clinic], *, reader: User) -> Numbers:
    here = Review.objects.filter(clinic__in=clinics)
    waiting, held = here.filter(status=S.WAITING), here.filter(status=S.CLAIMED)
    asked = Clinic.objects.filter(pk=clinics[0].pk).annotate(
        waiting=_CountOf(waiting),
        # Every kind is named, because the index has it before the urgency.
        urgent=_CountOf(waiting.filter(kind__in=ReviewKind.values, urgent=True)),
        repeated=_CountOf(waiting.filter(kind__in=(ReviewKind.SECOND, ReviewKind.ARBITRATION))),
        claimed=_CountOf(held),
        mine=_CountOf(held.filter(reader=reader)),
        oldest=Subquery(waiting.order_by("waiting_since").values("waiting_since")[:1]),
    )
    found = asked.values("oldest", *COUNTED).get()
    took = _took_today(clinics)
    return Numbers(
        **{name: keyset.Count.of(found[name], most=MOST_COUNTED) for name in COUNTED},
        oldest=found["oldest"],
        read=len(took),
        turnaround=timedelta(seconds=median(took)) if took else None,
    )


class _CountOf(Subquery):
    """How many rows a query has, counted one further than `MOST_COUNTED`; several of them are one question."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"

    def __init__(self, reviews: ReviewQuerySet) -> None:
        super().__init__(reviews.order_by().values("pk")[: MOST_COUNTED + 1], output_field=IntegerField())


def _took_today(clinics: list[Clinic]) -> list[float]:
    """Seconds from upload to decision."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    read = Review.objects.filter(clinic__in=clinics, status=S.DECIDED, kind=ReviewKind.FIRST, decided_at__gte=today)
    times = read.order_by().values_list("study__received_at", "decided_at")
    return [(decided - uploaded).total_seconds() for uploaded, decided in times if decided]
