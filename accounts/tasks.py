"""What the schedule asks of accounts."""

from __future__ import annotations

from celery import shared_task

from accounts import arrivals
from accounts.openid import configured, is_on


@shared_task
def end_forgotten_groups() -> None:
    """Settings that are wrong raise, so the log tells of it each day: nothing is withdrawn by them."""
    if is_on():
        arrivals.end_forgotten(configured())
