"""Signs of life: worker and beat touch ALIVE_FILE while they do their work, and a health check looks at its age.

A worker that is stuck, or that has lost its broker, and a beat that sends nothing stop touching it. A ping through the
broker would ask the same of the worker only, and starts a second Celery to do so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celery import Celery, bootsteps
from celery.signals import after_task_publish, beat_init
from django.conf import settings

SECONDS = 5


def tell(app: Celery) -> None:
    """Have the workers and the beat of `app` give signs of life."""
    app.steps["consumer"].add(Alive)
    beat_init.connect(_watch_sending)


class Alive(bootsteps.StartStopStep):
    """Touches the file from the worker's own loop, as long as it is connected to the broker."""

    requires = {"celery.worker.consumer.tasks:Tasks"}

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self.enabled = bool(settings.ALIVE_FILE)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        self._timer = consumer.timer.call_repeatedly(SECONDS, touch)

    def stop(self, consumer: Any) -> None:
        if self._timer:
            self._timer.cancel()


def touch(**_: object) -> None:
    Path(settings.ALIVE_FILE).touch()


def _watch_sending(**_: object) -> None:
    """The beat sends a sweep every few seconds; each that the broker took is a sign of life."""
    if settings.ALIVE_FILE:
        after_task_publish.connect(touch, weak=False)
