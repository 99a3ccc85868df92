"""What a command has to do that lets others in until somebody ends it."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class ListeningCommand(BaseCommand):
    """Listens until SIGINT or SIGTERM. `protocol` and `example` stand in its sentences; `prefix` begins the names of
    the settings of host and port.
    """

    requires_system_checks = ()
    protocol: str
    prefix: str
    received: str
    example: int

    def add_arguments(self, parser: CommandParser) -> None:
        port = getattr(settings, f"{self.prefix}_PORT")
        parser.add_argument("--port", type=int, default=port, help="port to listen on")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        if not port:
            raise CommandError(
                f"Set {self.prefix}_PORT to the port on which {self.received} are received, for example {self.example}."
            )
        # What is written is for this account alone.
        os.umask(0o077)
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        host = getattr(settings, f"{self.prefix}_HOST")
        with ExitStack() as open_now:
            try:
                at = open_now.enter_context(self.listening(port))
            except OSError as error:
                raise CommandError(f"The {self.protocol} listener cannot start at {host}:{port}: {error}") from error
            self.stdout.write(f"{self.title} listens at {host}:{at}.")
            self.stdout.flush()
            stopping.wait()

    @property
    def title(self) -> str:
        """By which others call it."""
        raise NotImplementedError

    def listening(self, port: int) -> AbstractContextManager[int]:
        """Listen as long as the context lasts; gives the port. Raises OSError where that cannot be used."""
        raise NotImplementedError
