"""How gunicorn runs the portal, embedded and in a container: `gunicorn --config python:portal.web_server`."""

from __future__ import annotations

import threading
from typing import Any

wsgi_app = "portal.wsgi:application"
worker_class = "portal.server.worker.BufferingWorker"
workers = 2
# For pages; uploads have UPLOAD_THREADS of their own.
threads = 4
# Imported once, before the processes part; none of it opens a connection or starts a thread.
preload_app = True
timeout = 90
# What it writes is for its own account alone.
umask = 0o077
graceful_timeout = 5
control_socket_disable = True
accesslog = "-"
# The path without its query: a search holds patients' names.
access_log_format = '%(t)s "%(m)s %(U)s" %(s)s %(B)s bytes %(M)s ms'


def when_ready(server: Any) -> None:
    """Read every address, view and page now, or the first visitor of each process waits for it."""
    from django.urls import get_resolver

    from portal import mail
    from portal.server import listener  # noqa: F401  once, before the processes part

    _ = get_resolver().url_patterns
    if not mail.leaves():
        server.log.warning("%s %s", mail.MISSING, mail.WHAT_TO_DO)
    _read_templates()


def _read_templates() -> None:
    """The processes that part from this one inherit what the loader keeps."""
    from django.conf import settings
    from django.template.loader import get_template

    root = settings.BASE_DIR / "templates"
    for page in root.rglob("*.html"):
        get_template(str(page.relative_to(root)))


def post_worker_init(worker: Any) -> None:
    """Start the helper that decodes uploads, so that the first upload does not wait for it."""
    threading.Thread(target=_start_decoding_helper, daemon=True).start()


def _start_decoding_helper() -> None:
    from diagnosis.scans import intake

    intake.start_decoder()
