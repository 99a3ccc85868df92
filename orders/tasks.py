"""Thin Celery tasks: what they do lives in following, modality_worklist and hl7.bodies."""

from __future__ import annotations

from celery import shared_task

from orders import following, modality_worklist
from orders.hl7 import bodies


@shared_task(acks_late=False)
def match_orders() -> None:
    """Bring every order to where its images are, whatever was not told."""
    following.sweep()


@shared_task(acks_late=False)
def ask_worklists() -> None:
    """Take over what ordering systems have scheduled."""
    modality_worklist.ask_all()


@shared_task(acks_late=False)
def forget_messages() -> None:
    """Let go of what old messages said."""
    bodies.forget_old()
