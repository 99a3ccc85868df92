"""The Celery application. Its settings are the CELERY_* ones in portal/settings.py."""

import os
import signal

from billiard.process import current_process
from celery import Celery
from celery.signals import beat_embedded_init, beat_init, celeryd_init, worker_process_init

from portal import alive
from portal.parent_death import die_with_parent

# REMAP_SIGTERM, by which a stop re-queues the running job, is set by what starts the worker: Celery reads it earlier.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
alive.tell(app)


@celeryd_init.connect
@beat_init.connect
def _write_privately(**_: object) -> None:
    """Pictures and the schedule are for this account alone. Not for whoever imports this: some write sources."""
    os.umask(0o077)


@worker_process_init.connect
@beat_embedded_init.connect
def _die_with_the_worker(**_: object) -> None:
    """Pool or beat: without its worker it can report to nobody. The lease gives a job to another worker."""
    die_with_parent(current_process()._parent_pid, signal.SIGKILL)
