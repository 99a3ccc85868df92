"""Thin Celery tasks: what they do lives in sending."""

from __future__ import annotations

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from delivery import sending

log = logging.getLogger(__name__)
# So that nobody's analysis waits for a slow receiver: then to the end of the line.
SECONDS_AT_ONCE = 5.0


@shared_task(acks_late=False)
def deliver() -> None:
    """Send what is due."""
    if sending.deliver_some(seconds=SECONDS_AT_ONCE):
        wake()


def wake() -> None:
    """Do not wait for the beat; where the broker is away, that comes anyway."""
    try:
        deliver.apply_async(expires=60)
    except (OperationalError, OSError):
        log.warning("the broker did not take the order to deliver", exc_info=True)
