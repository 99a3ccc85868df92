"""Thin Celery tasks: what they do lives in sorting, retrieving and spool."""

from __future__ import annotations

import logging
import subprocess
import sys
from threading import Thread

from celery import shared_task
from django.conf import settings
from kombu.exceptions import OperationalError

from network import commitment, retrieving, sorting, spool

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


@shared_task(acks_late=False)
def fetch_priors() -> None:
    """In a process of its own, which ends when nothing is due: an archive takes minutes, and analyses must not wait.

    What it does not end, because the machine stops, the next one does.
    """
    if settings.PRIORS_PER_HOUR and retrieving.is_due():
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "fetch_priors"]
        process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)
        Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie


def wake() -> None:
    """Do not wait for the beat; where the broker is away, that comes anyway."""
    try:
        sort_received.apply_async(expires=60)
    except (OperationalError, OSError):
        log.warning("the broker did not take the order to sort what was received", exc_info=True)


def wake_retrieval() -> None:
    """The same of what archives are to be asked for."""
    try:
        fetch_priors.apply_async(expires=60)
    except (OperationalError, OSError):
        log.warning("the broker did not take the order to fetch priors", exc_info=True)
