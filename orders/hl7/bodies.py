"""What messages said, byte for byte: kept for a while, so that somebody sees why one was refused, and not for ever."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from orders.models import Answer, MessageBody, OrderSource

# Of the messages of one system that could not be used: a sender that is set up wrongly sends nothing else.
MOST_REFUSED = 200


def bound(source: OrderSource) -> None:
    """Let go of the oldest texts of its refused messages beyond MOST_REFUSED. That they came stays on record."""
    refused = MessageBody.objects.filter(message__source=source).exclude(message__answer=Answer.ACCEPTED)
    beyond = refused.order_by("-message__received_at", "-pk").values_list("pk", flat=True)[MOST_REFUSED:]
    MessageBody.objects.filter(pk__in=list(beyond)).delete()


def forget_old() -> int:
    """Let go of what is older than MLLP_BODY_DAYS, accepted or not; returns how many texts that were."""
    if not settings.MLLP_BODY_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.MLLP_BODY_DAYS)
    _all, deleted = MessageBody.objects.filter(message__received_at__lt=before).delete()
    return deleted.get(MessageBody._meta.label, 0)
