"""What puts something into the outbox, and what a person does with it there. Each is one INSERT or one UPDATE."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from delivery import tasks
from delivery.models import Content, Delivery, Destination
from delivery.states import DeliveryStatus
from diagnosis.errors import NotAllowedNow
from diagnosis.models import Report, Study

OVERTAKEN = _("Something newer of the same kind was queued for this destination since. Send that one instead.")
MOVED_ON = _("This delivery has moved on meanwhile. Look at the list again.")


def enqueue(
    *,
    destination: Destination,
    content: Content,
    key: str,
    study: Study | None = None,
    report: Report | None = None,
    payload: dict[str, Any] | None = None,
) -> Delivery:
    """Queue something for a destination, in the caller's transaction: it goes out if and only if that is committed.

    Under one `key` a destination is given one thing; whoever queues it again gets the row that is there.
    """
    row, created = Delivery.objects.get_or_create(
        destination=destination,
        key=key,
        defaults={"content": content, "study": study, "report": report, "payload": payload or {}},
    )
    if created:
        transaction.on_commit(tasks.wake, robust=True)
    return row


def send_again(row: Delivery) -> None:
    """What has ended goes out once more, and what waits need not wait longer. Raises NotAllowedNow, also where it would
    follow what took its place.
    """
    if row.study_id and _newer_than(row).exists():
        raise NotAllowedNow("delivery_overtaken", OVERTAKEN)
    now = timezone.now()
    source = DeliveryStatus(row.status)
    anew: dict[str, Any] = {"next_attempt_at": now}
    if source == DeliveryStatus.DELIVERED:  # the receiver has lost it, so it gets all of it
        anew["payload"] = {name: value for name, value in row.payload.items() if name != "stored"}
    with transaction.atomic():
        if source == DeliveryStatus.WAITING:
            moved = bool(Delivery.objects.filter(pk=row.pk, status=source).update(**anew))
        elif source == DeliveryStatus.SENDING:
            moved = False
        else:
            moved = Delivery.objects.move(
                row.pk, source, DeliveryStatus.WAITING, queued_at=now, attempts=0, last_answer="", **anew
            )
        if not moved:
            raise NotAllowedNow("delivery_moved_on", MOVED_ON)
        Destination.objects.filter(pk=row.destination_id).update(paused_until=None)
        transaction.on_commit(tasks.wake, robust=True)


def _newer_than(row: Delivery) -> QuerySet[Delivery]:
    """Not what says the same to an order that came later: one version of a report goes out for each of these."""
    same = Delivery.objects.filter(destination=row.destination_id, content=row.content, study=row.study_id)
    newer = same.filter(queued_at__gt=row.queued_at).exclude(pk=row.pk)
    if row.content != Content.HL7_RESULT:
        return newer
    version = {f"payload__{name}": row.payload.get(name) for name in ("standing", "addenda")}
    return newer.exclude(report=row.report_id, **version)


def cancel(row: Delivery) -> None:
    """What waits does not go out, nor what a worker held that is gone. Raises NotAllowedNow."""
    lost = Delivery.objects.filter(held_until__lt=timezone.now())
    if not (
        Delivery.objects.move(row.pk, DeliveryStatus.WAITING, DeliveryStatus.CANCELLED)
        or lost.move(row.pk, DeliveryStatus.SENDING, DeliveryStatus.CANCELLED, held_until=None)
    ):
        raise NotAllowedNow("delivery_moved_on", MOVED_ON)


def look_again(study: Study) -> None:
    """What of this study could not leave yet may be able to now."""
    waiting = Delivery.objects.filter(study=study, status=DeliveryStatus.WAITING)
    if waiting.update(next_attempt_at=timezone.now()):
        transaction.on_commit(tasks.wake, robust=True)
