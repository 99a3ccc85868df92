"""Thin Celery tasks: what they do lives in following."""

from __future__ import annotations

from celery import shared_task

from orders import following


@shared_task(acks_late=False)
def match_orders() -> None:
    """Bring every order to where its images are, whatever was not told."""
    following.sweep()
