"""The portal on this machine: `make run`."""

from __future__ import annotations

import os
import shlex
import sys
from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from portal.embedded.errors import CannotStart, StopRequested
from portal.embedded.launcher import Launcher

# The names by which only this machine reaches itself.
LOCAL = {"localhost", "127.0.0.1", "::1", "[::1]"}


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise ArgumentTypeError(f"{text} is no port: give a number from 1 to 65535, for example PORT=8000.")


class Command(BaseCommand):
    help = "Run the broker, the web server and the worker on this machine until Ctrl-C."
    requires_system_checks = ()
    launcher = Launcher

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help="address to listen on")
        parser.add_argument("--port", type=_port, default=os.environ.get("PORT", "8000"), help="port to listen on")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        launcher = self.launcher(host=host, port=port, say=self.say)
        try:
            with launcher.running():
                self.serve(launcher, **options)
        except StopRequested:
            return
        except CannotStart as error:
            raise CommandError(str(error)) from error

    def serve(self, launcher: Launcher, **options: Any) -> None:
        self.say_address(launcher)
        if not User.objects.exists():
            self.say("Nobody has an account yet. Make the first one, a site administrator, in another terminal with")
            self.say(f"    {shlex.quote(sys.executable)} manage.py createsuperuser")
        while launcher.step():
            pass

    def say_address(self, launcher: Launcher) -> None:
        self.say(f"The portal is at {launcher.address}    logs: {launcher.logs}    Ctrl-C stops it.")
        if launcher.host not in LOCAL and LOCAL.issuperset(settings.ALLOWED_HOSTS):
            self.say(
                "It listens to other machines but refuses them: ALLOWED_HOSTS names this machine only. Set it to the"
            )
            self.say(
                "names and addresses that people will type, for example ALLOWED_HOSTS=localhost,portal.example.org"
            )

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()
