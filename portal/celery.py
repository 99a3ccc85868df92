"""The Celery application. Its settings are the CELERY_* ones in portal/settings.py."""

import os

from celery import Celery

# REMAP_SIGTERM, by which a stop re-queues the running job, is set by what starts the worker: Celery reads it earlier.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
