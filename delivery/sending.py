"""What a worker does with the outbox: takes what is due, sends it, and says in the row how that ended."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext_noop

from delivery.models import Content, Delivery, DeliveryAttempt, Destination, Kind, Outcome
from delivery.senders import SENDERS, NotYet, Refused, TryAgain, Unreachable
from delivery.states import DeliveryStatus
from diagnosis.database import drop_broken_connection
from network.pauses import pause_after

log = logging.getLogger(__name__)
FIRST_PAUSE = timedelta(seconds=10)
# How soon something that may not leave yet is looked at again, where nothing wakes the outbox before.
LOOK_AGAIN = timedelta(minutes=10)
# What ended so many workers ends no more of them.
MOST_LOST = 3
# Of an answer; a line for each object has room.
MOST_LETTERS = 8000

DELETED = gettext_noop("Its study was deleted.")
WORKERS_LOST = gettext_noop("Every worker that tried this stopped in the middle of it. Tell whoever runs the portal.")
UNEXPECTED = gettext_noop("An unexpected error, which was logged.")
NO_SENDER = gettext_noop("This version cannot send to destinations of this kind.")


@dataclass(frozen=True)
class End:
    """How one try ended: the row's new state, and for how long nothing is tried again."""

    status: DeliveryStatus
    outcome: Outcome | None
    answer: str
    pause: timedelta = field(default=timedelta())
    is_unreachable: bool = False
    words: str = ""

    @property
    def told(self) -> str:
        """For the row; PostgreSQL keeps no NUL."""
        return _kept("\n".join(filter(None, (self.answer, self.words))))


def _kept(text: str) -> str:
    return text.replace("\0", "")[:MOST_LETTERS]


def deliver_some(*, seconds: float) -> bool:
    """Send what is due, for about so long. Returns whether there is more."""
    deadline = time.monotonic() + seconds
    while pk := _next(timezone.now()):
        if time.monotonic() > deadline:
            return True
        if row := _claim(pk):
            deliver(row)
    return False


def _next(now: datetime) -> UUID | None:
    rows = Delivery.objects.due(now).filter(destination__in=Destination.objects.reachable(now)).first_in_line()
    return rows.order_by("next_attempt_at", "queued_at").values_list("pk", flat=True).first()


def _claim(pk: UUID) -> Delivery | None:
    now = timezone.now()
    before = Delivery.objects.filter(pk=pk).values_list("status", flat=True).first()
    free = Delivery.objects.due(now).filter(pk=pk, status=before)
    if not free.update(status=DeliveryStatus.SENDING, held_until=now + _lease(), attempts=F("attempts") + 1):
        return None
    if before == DeliveryStatus.SENDING:
        DeliveryAttempt.objects.create(delivery_id=pk, outcome=Outcome.LOST)
    return Delivery.objects.select_related("destination__clinic", "study", "report").get(pk=pk)


def _lease() -> timedelta:
    """Longer than any task lives: as long as it lasts, its worker may be at it."""
    return timedelta(seconds=settings.ANALYSIS_SECONDS + 30)


def deliver(row: Delivery) -> End:
    """Send one that the caller holds."""
    began = time.monotonic()
    # Whatever thread this runs in: sentences are kept in the source language and translated for who reads them.
    with translation.override(settings.LANGUAGE_CODE):
        end = _end_of(row)
    drop_broken_connection()  # or a database that is back would not be told, and the row be held for as long as a lease
    _finish(row, end, time.monotonic() - began)
    return end


def _end_of(row: Delivery) -> End:
    try:
        return End(DeliveryStatus.DELIVERED, Outcome.DELIVERED, _send(row))
    except NotYet as reason:
        return End(DeliveryStatus.WAITING, None, str(reason), LOOK_AGAIN)
    except Refused as reason:
        return End(DeliveryStatus.REFUSED, Outcome.REFUSED, str(reason), words=reason.words)
    except Exception as error:
        return _again(row, error)


def _send(row: Delivery) -> str:
    if row.log.filter(outcome=Outcome.LOST, at__gte=row.queued_at).count() >= MOST_LOST:
        raise Refused(WORKERS_LOST)
    if row.content != Content.EVENT and row.study is None:
        raise Refused(DELETED)
    if (sender := SENDERS.get(Kind(row.destination.kind))) is None:
        raise Refused(NO_SENDER)
    return sender(row)


def _again(row: Delivery, error: Exception) -> End:
    if isinstance(error, Unreachable):
        pause = back_off(row.destination.failures + 1)
        return End(DeliveryStatus.WAITING, Outcome.AGAIN, str(error), pause, is_unreachable=True, words=error.words)
    if isinstance(error, TryAgain):
        return End(DeliveryStatus.WAITING, Outcome.AGAIN, str(error), back_off(row.attempts), words=error.words)
    log.error("delivery %s could not be sent", row.pk, exc_info=error)
    return End(DeliveryStatus.WAITING, Outcome.AGAIN, UNEXPECTED, back_off(row.attempts))


def back_off(tries: int) -> timedelta:
    """How long a delivery, or a destination where nobody answers, waits after so many tries."""
    return pause_after(tries, first=FIRST_PAUSE)


@transaction.atomic
def _finish(row: Delivery, end: End, seconds: float) -> None:
    """Say it in the row, unless the lease is another worker's now; and of the destination whether anybody answers."""
    now = timezone.now()
    done = end.status == DeliveryStatus.DELIVERED
    changes = {"delivered_at": now} if done else {}
    if end.outcome is None:
        changes["attempts"] = F("attempts") - 1  # type: ignore[assignment]
    mine = Delivery.objects.held_as(row)
    if not mine.update(
        status=end.status, held_until=None, next_attempt_at=now + end.pause, last_answer=end.told, **changes
    ):
        return
    if end.outcome:
        DeliveryAttempt.objects.create(
            delivery=row,
            at=now,
            outcome=end.outcome,
            answer=_kept(end.answer),
            seconds=round(seconds, 3),
        )
    _note_reachability(row.destination, end, now)


def _note_reachability(destination: Destination, end: End, now: datetime) -> None:
    mine = Destination.objects.filter(pk=destination.pk)
    if end.is_unreachable:
        mine.update(failures=F("failures") + 1, paused_until=now + end.pause)
    elif end.outcome:
        mine.exclude(failures=0, paused_until=None).update(failures=0, paused_until=None)
