"""The numbers above the queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis import keyset
from diagnosis.models import Review
from diagnosis.models.review import ReviewKind, ReviewQuerySet
from diagnosis.states import ReviewStatus as S

# How far cases are counted: to count a queue of thousands takes longer than to show its first page.
MOST_COUNTED = 1_000
# Those that a filter leaves: several are looked at for each that is counted.
MOST_MATCHING = 200


@dataclass(frozen=True)
class Numbers:
    """`turnaround` is the median from upload to decision of what was read first today; None before the first."""

    waiting: keyset.Count
    urgent: keyset.Count
    repeated: keyset.Count
    claimed: int
    mine: int
    oldest: datetime | None
    read: int
    turnaround: timedelta | None


def numbers(clinics: list[Clinic], *, reader: User) -> Numbers:
    here = Review.objects.filter(clinic__in=clinics)
    waiting = here.filter(status=S.WAITING)
    held = here.filter(status=S.CLAIMED).aggregate(claimed=Count("pk"), mine=Count("pk", filter=Q(reader=reader)))
    took = _took_today(clinics)
    return Numbers(
        waiting=_count(waiting),
        # Every kind is named, because the index has it before the urgency.
        urgent=_count(waiting.filter(kind__in=ReviewKind.values, urgent=True)),
        repeated=_count(waiting.filter(kind__in=(ReviewKind.SECOND, ReviewKind.ARBITRATION))),
        **held,
        oldest=waiting.order_by("waiting_since").values_list("waiting_since", flat=True).first(),
        read=len(took),
        turnaround=timedelta(seconds=median(took)) if took else None,
    )


def _count(reviews: ReviewQuerySet) -> keyset.Count:
    return keyset.count(reviews, most=MOST_COUNTED)


def _took_today(clinics: list[Clinic]) -> list[float]:
    """Seconds from upload to decision."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    read = Review.objects.filter(clinic__in=clinics, status=S.DECIDED, kind=ReviewKind.FIRST, decided_at__gte=today)
    times = read.values_list("study__received_at", "decided_at")
    return [(decided - uploaded).total_seconds() for uploaded, decided in times if decided]
