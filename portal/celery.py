"""The Celery application. Its settings are the CELERY_* ones in portal/settings.py."""

import os

from celery import Celery

# A stop signal re-queues the running job instead of waiting for it to finish.
os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
