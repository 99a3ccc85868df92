"""The worker, with the beat that sends the periodic tasks, as a process."""

from __future__ import annotations

import sys
from pathlib import Path

from portal.embedded.process import Process


def worker_process(*, root: Path, schedule: Path, log: Path) -> Process:
    schedule.parent.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "celery", "--app", "portal", "worker"),
        *("--beat", "--schedule", str(schedule)),
        # One worker has nobody to mingle or gossip with, and would wait a second for an answer.
        *("--without-mingle", "--without-gossip", "--loglevel", "INFO"),
    ]
    # Celery reads it before it imports the application: a stop queues the running job again at once.
    environment = {"REMAP_SIGTERM": "SIGQUIT"}
    return Process(name="worker", command=command, log=log, environment=environment, patience=15, directory=root)
