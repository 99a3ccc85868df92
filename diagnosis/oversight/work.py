"""The state of the queue and of those who work on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from diagnosis.models.analysis import AnalysisQuerySet
from diagnosis.states import AnalysisStatus as S

LATELY = timedelta(hours=24)


@dataclass(frozen=True)
class Queue:
    """Open analyses now."""

    queued: int
    running: int
    lost: int
    oldest: datetime | None


@dataclass(frozen=True)
class Worker:
    """One worker as its jobs tell of it; one without any job lately does not appear."""

    name: str
    running: int
    finished: int
    failed: int
    seen_at: datetime


def queue(analyses: AnalysisQuerySet, now: datetime | None = None) -> Queue:
    """`lost` are running ones whose lease ended: the next sweep queues them again."""
    at = now or timezone.now()
    counts = analyses.open().aggregate(
        queued=Count("pk", filter=Q(status=S.QUEUED)),
        running=Count("pk", filter=Q(status=S.RUNNING, lease_expires_at__gte=at)),
        lost=Count("pk", filter=Q(status=S.RUNNING, lease_expires_at__lt=at)),
        oldest=Min("requested_at", filter=Q(status=S.QUEUED)),
    )
    return Queue(**counts)


def workers(analyses: AnalysisQuerySet, now: datetime | None = None) -> list[Worker]:
    """Those that hold a live lease or ended a job within LATELY, the busiest first."""
    at = now or timezone.now()
    live = Q(status=S.RUNNING, lease_expires_at__gte=at)
    rows = (
        analyses.filter(live | Q(finished_at__gte=at - LATELY))
        .exclude(worker="")
        .order_by()
        .values("worker")
        .annotate(
            running=Count("pk", filter=live),
            finished=Count("pk", filter=Q(status=S.SUCCEEDED)),
            failed=Count("pk", filter=Q(status=S.FAILED)),
            ended=Max("finished_at"),
        )
    )
    found = [
        Worker(row["worker"], row["running"], row["finished"], row["failed"], at if row["running"] else row["ended"])
        for row in rows
    ]
    return sorted(found, key=lambda worker: (-worker.running, -worker.finished, worker.name))
