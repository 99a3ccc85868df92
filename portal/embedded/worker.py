"""The worker, and the beat that sends the periodic tasks, as processes."""

from __future__ import annotations

import sys
from pathlib import Path

from portal.embedded.process import Process

CELERY = (sys.executable, "-m", "celery", "--app", "portal")


def worker_process(*, root: Path, log: Path, schedule: Path | None = None) -> Process:
    """With `schedule` it is its own beat too; then nobody notices when that part of it alone dies."""
    # One worker has nobody to mingle or gossip with, and would wait a second for an answer.
    command = [*CELERY, "worker", "--without-mingle", "--without-gossip", "--loglevel", "INFO"]
    if schedule:
        schedule.parent.mkdir(parents=True, exist_ok=True)
        command += ["--beat", "--schedule", str(schedule)]
    # Celery reads it before it imports the application: a stop queues the running job again at once.
    environment = {"REMAP_SIGTERM": "SIGQUIT"}
    return Process(name="worker", command=command, log=log, environment=environment, patience=15, directory=root)


def beat_process(*, root: Path, log: Path, schedule: Path) -> Process:
    """A process of its own, so that it is started again when it dies: without it no lost job is found."""
    schedule.parent.mkdir(parents=True, exist_ok=True)
    command = [*CELERY, "beat", "--schedule", str(schedule), "--pidfile", "", "--loglevel", "INFO"]
    return Process(name="beat", command=command, log=log, patience=5, directory=root)
