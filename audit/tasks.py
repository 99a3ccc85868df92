"""On a schedule: anchor the ends of the chains outside the database, and look whether the trail is whole."""

from __future__ import annotations

from celery import shared_task

from audit import anchor, watch


@shared_task(acks_late=False)
def make_anchor() -> None:
    anchor.make_anchor()


@shared_task(acks_late=False)
def mail_anchor() -> None:
    anchor.mail_last_anchor()


@shared_task(acks_late=False)
def look_at_the_trail() -> None:
    watch.look()
