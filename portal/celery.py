"""The Celery application. Its settings are the CELERY_* ones in portal/settings.py."""

import os
import signal

from billiard.process import current_process
from celery import Celery
from celery.signals import worker_process_init

from portal import alive
from portal.parent_death import die_with_parent

# REMAP_SIGTERM, by which a stop re-queues the running job, is set by what starts the worker: Celery reads it earlier.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
alive.tell(app)


@worker_process_init.connect
def _die_with_the_worker(**_: object) -> None:
    """A pool's process without its worker can report to nobody; the lease gives its job to another worker."""
    die_with_parent(current_process()._parent_pid, signal.SIGKILL)
