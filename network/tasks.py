"""Thin Celery tasks: what they do lives in sorting and spool."""

from __future__ import annotations

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from network import commitment, sorting, spool

log = logging.getLogger(__name__)
# So that nobody else's analysis waits for a whole series: then to the end of the line.
SECONDS_AT_ONCE = 5.0


@shared_task(acks_late=False)
def sort_received() -> None:
    """File what arrived, or put it on the worklist of a person."""
    if sorting.sort_some(seconds=SECONDS_AT_ONCE):
        wake()


@shared_task(acks_late=False)
def sweep_spool() -> None:
    """What a listener that was killed leaves on the disk."""
    spool.sweep()


@shared_task(acks_late=False)
def report_commitments() -> None:
    """Call back senders that asked whether their images are kept, and hung up before they were told."""
    commitment.report_due()


def wake() -> None:
    """Do not wait for the beat; where the broker is away, that comes anyway."""
    try:
        sort_received.apply_async(expires=60)
    except (OperationalError, OSError):
        log.warning("the broker did not take the order to sort what was received", exc_info=True)
