"""The numbers above the queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import Count, Min, Q
from django.utils import timezone

from accounts.models import Clinic, User
from diagnosis.models import Review
from diagnosis.models.review import ReviewKind
from diagnosis.states import ReviewStatus as S


@dataclass(frozen=True)
class Numbers:
    """`turnaround` is the median from upload to decision of what was read first today; None before the first."""

    waiting: int
    urgent: int
    claimed: int
    repeated: int
    mine: int
    oldest: datetime | None
    read: int
    turnaround: timedelta | None


def numbers(clinics: list[Clinic], *, reader: User) -> Numbers:
    counts = (
        Review.objects.open()
        .filter(clinic__in=clinics)
        .aggregate(
            waiting=Count("pk", filter=Q(status=S.WAITING)),
            urgent=Count("pk", filter=Q(status=S.WAITING, urgent=True)),
            claimed=Count("pk", filter=Q(status=S.CLAIMED)),
            repeated=Count("pk", filter=Q(status=S.WAITING) & ~Q(kind=ReviewKind.FIRST)),
            mine=Count("pk", filter=Q(status=S.CLAIMED, reader=reader)),
            oldest=Min("waiting_since", filter=Q(status=S.WAITING)),
        )
    )
    took = _took_today(clinics)
    return Numbers(**counts, read=len(took), turnaround=timedelta(seconds=median(took)) if took else None)


def _took_today(clinics: list[Clinic]) -> list[float]:
    """Seconds from upload to decision."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    read = Review.objects.filter(clinic__in=clinics, status=S.DECIDED, kind=ReviewKind.FIRST, decided_at__gte=today)
    times = read.values_list("study__received_at", "decided_at")
    return [(decided - uploaded).total_seconds() for uploaded, decided in times if decided]
