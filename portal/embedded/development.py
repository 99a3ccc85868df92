"""The portal for those who work on it: each part takes up a change by itself."""

from __future__ import annotations

import shlex
import signal
import sys
from dataclasses import replace

from django.conf import settings

from portal.embedded import web
from portal.embedded.launcher import Launcher
from portal.embedded.process import Process

# Where the worker's code lies. The web server watches what it has imported, and templates.
SOURCES = ("portal", "orders", "delivery", "dicomweb", "fhir", "network", "accounts", "audit", "diagnosis", "ml")
# Seconds that a job gets to finish before the worker starts again; its lease gives it to the new one.
FINISH_SECONDS = "3"


class DevelopmentLauncher(Launcher):
    """As `Launcher`, with Django's own server, and workers and beat that start again when a file changes."""

    def _collect_static_files(self) -> None:
        """Nothing to do: with DEBUG they are served from where they are written."""

    def _web(self) -> Process:
        command = [sys.executable, "manage.py", "runserver", f"{web.bracketed(self.host)}:{self.port}"]
        return replace(super()._web(), command=command)

    def _workers(self) -> list[Process]:
        return [_reloading(process) for process in super()._workers()]

    def _beat(self) -> Process:
        return _reloading(super()._beat())


def _reloading(process: Process) -> Process:
    watching = [sys.executable, "-m", "watchfiles", "--filter", "python", "--target-type", "command"]
    patience = ["--sigint-timeout", FINISH_SECONDS]
    folders = [str(settings.BASE_DIR / name) for name in SOURCES]
    # What watches may itself be killed before it has ended what it started.
    bound = ["setpriv", "--pdeathsig", "KILL", *process.command]
    command = [*watching, *patience, shlex.join(bound), *folders]
    # It ends what it started only when it is asked politely.
    return replace(process, command=command, death_signal=signal.SIGTERM)
