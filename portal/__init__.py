"""Wires the parts together: settings, addresses, queue, public pages."""

from portal.celery import app as celery_app

__all__ = ["celery_app"]
