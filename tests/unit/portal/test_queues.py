"""Which worker takes which job."""

from pathlib import Path

import yaml

from portal import queues
from portal.celery import app
from portal.embedded.worker import OF_ANALYSES, OF_SHORT_JOBS

COMPOSE = Path(__file__).resolve().parents[3] / "docker" / "compose.yaml"


def test_the_containers_start_the_same_two_workers() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    commands = [services[name]["command"] for name in ("worker", "short")]
    assert commands == [["sh", "docker/worker.sh", *options] for options in (OF_ANALYSES, OF_SHORT_JOBS)]


def test_every_job_has_a_queue_that_is_worked_on() -> None:
    """A task that is renamed must not go to the worker without classifiers."""
    app.loader.import_default_modules()
    assert queues.ROUTES.keys() <= app.tasks.keys()
    routed = {app.amqp.router.route({}, name)["queue"].name for name in app.tasks if not name.startswith("celery.")}
    assert routed == {queues.ANALYSES, queues.SHORT}
