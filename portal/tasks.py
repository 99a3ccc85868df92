"""What the schedule asks of the portal itself."""

from __future__ import annotations

import subprocess
import sys
from threading import Thread

from celery import shared_task
from django.conf import settings
from django.core.management import call_command

from portal.backup import state


@shared_task(acks_late=False)
def begin_backup() -> None:
    """Once a day, in a process of its own: a large backup takes hours, and analyses must not wait for it.

    It is in a session of its own, so a worker that stops does not cut it off; docs/adr/1004 weighs it.
    """
    if settings.BACKUP_ROOT and state.is_due():
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "backup", "--gentle"]
        process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)
        Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie


@shared_task
def clear_sessions() -> None:
    """Sessions that expired: Django deletes only those that somebody comes back with."""
    call_command("clearsessions")
