"""The worker, and the beat that sends the periodic tasks, as processes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from portal import queues
from portal.embedded.process import Process

CELERY = (sys.executable, "-m", "celery", "--app", "portal")
# One worker has nobody to mingle or gossip with, and would wait a second for an answer. Nobody listens to its
# heartbeat, and a thread that sends one to a dead broker tries for ever, with the lock that the worker's stop wants.
ALONE = ("--without-mingle", "--without-gossip", "--without-heartbeat")


# So that what waits for a slow receiver does not hold up a critical result.
SHORT_JOBS_AT_ONCE = 2
# docker/compose.yaml starts the same two.
OF_ANALYSES = ("--queues", queues.ANALYSES)
OF_SHORT_JOBS = ("--queues", queues.SHORT, "--concurrency", str(SHORT_JOBS_AT_ONCE))


def worker_process(
    *, root: Path, log: Path, schedule: Path | None = None, name: str = "worker", options: Sequence[str] = ()
) -> Process:
    """Of all queues, unless the `options` of Celery name one. With `schedule` it is its own beat too; then nobody
    notices when that part of it alone dies.
    """
    command = [*CELERY, "worker", *ALONE, "--loglevel", "INFO", *options]
    if schedule:
        schedule.parent.mkdir(parents=True, exist_ok=True)
        command += ["--beat", "--schedule", str(schedule)]
    # Celery reads it before it imports the application: a stop queues the running job again at once.
    environment = {"REMAP_SIGTERM": "SIGQUIT"}
    return Process(
        name=name,
        command=command,
        log=log,
        environment=environment,
        patience=15,
        # A polite stop talks to the broker, which ends in the same moment. The lease gives the job back.
        death_signal=signal.SIGKILL,
        directory=root,
    )


def worker_processes(*, root: Path, logs: Path) -> list[Process]:
    """One that asks the classifiers, and one for everything else, which takes seconds."""
    return [
        worker_process(root=root, log=logs / "worker.log", options=OF_ANALYSES),
        worker_process(root=root, log=logs / "short.log", options=OF_SHORT_JOBS, name="worker for short jobs"),
    ]


def beat_process(*, root: Path, log: Path, schedule: Path) -> Process:
    """A process of its own, so that it is started again when it dies: without it no lost job is found."""
    schedule.parent.mkdir(parents=True, exist_ok=True)
    command = [*CELERY, "beat", "--schedule", str(schedule), "--pidfile", "", "--loglevel", "INFO"]
    return Process(name="beat", command=command, log=log, patience=5, directory=root)
