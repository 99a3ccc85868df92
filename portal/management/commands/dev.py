"""The portal on this machine for those who work on it: `make dev`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from accounts.models import User
from accounts.roles import Radiographer
from portal import secret_key
from portal.demo.patients import ensure_patients
from portal.demo.scans import ensure_scans
from portal.demo.staff import DOMAIN, ensure_staff, member
from portal.embedded.development import DevelopmentLauncher
from portal.embedded.launcher import Launcher
from portal.management.commands.serve import Command as Serve


class Command(Serve):
    help = "Run the portal on this machine with parts that take up a change of a file, and show what they log."
    launcher = DevelopmentLauncher

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("This is for development only and needs DEBUG=1: start it with `make dev`.")
        super().handle(*args, **options)

    def serve(self, launcher: Launcher, **options: Any) -> None:
        logs = [LogEnd(launcher.logs / f"{name}.log") for name in ("web", "worker", "beat")]
        clinic, _ = ensure_staff()
        password = self._give_everybody_one_password()
        uploader = member(clinic, Radiographer)
        for _ in ensure_scans(ensure_patients(clinic, by=uploader), by=uploader):
            pass
        self.say_address(launcher)
        roles = "radiographer, clinician, trainee, radiologist, administrator or site"
        self.say(f"Sign in as {roles}@{DOMAIN}, each with the password {password}")
        while launcher.step():
            for log in logs:
                for line in filter(_interesting, log.new_lines()):
                    self.say(f"{log.name:>6} | {line}")

    def _give_everybody_one_password(self) -> str:
        """It is made once and shown at every start; other data than `make dev`'s never get it."""
        password = secret_key.read_or_create(Path(settings.VAR_ROOT) / "password")[:16]
        for user in User.objects.filter(email__endswith=f"@{DOMAIN}"):
            if not user.check_password(password):
                user.set_password(password)
                user.save()
        return password


def _interesting(line: str) -> bool:
    """The sweep comes every few seconds, and says so in four lines."""
    return not (" INFO " in line and "sweep" in line)


class LogEnd:
    """What is written to a log from now on."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._path = path
        self._read = path.stat().st_size if path.exists() else 0

    def new_lines(self) -> list[str]:
        if not self._path.exists():
            return []
        self._read = min(self._read, self._path.stat().st_size)  # a long log was set aside
        with self._path.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")[0]
        self._read += len(whole) + 1 if whole else 0
        return whole.decode(errors="replace").splitlines()
