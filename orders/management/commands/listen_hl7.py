"""Receive orders and patients as HL7 messages until Ctrl-C: `python manage.py listen_hl7`."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.hl7.listener import Door, Listener


class Command(BaseCommand):
    help = "Receive HL7 messages over MLLP (ORM, OMI, ADT) until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.MLLP_PORT, help="port to listen on")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        if not port:
            raise CommandError("Set MLLP_PORT to the port on which messages are received, for example 2575.")
        os.umask(0o077)
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        try:
            listener = Listener(door(port))
            listener.start()
        except OSError as error:
            raise CommandError(f"The HL7 listener cannot start at {settings.MLLP_HOST}:{port}: {error}") from error
        self.stdout.write(f"{settings.MLLP_APPLICATION} listens at {settings.MLLP_HOST}:{listener.port}.")
        self.stdout.flush()
        stopping.wait()
        listener.stop()


def door(port: int) -> Door:
    """What the settings say."""
    return Door(
        host=settings.MLLP_HOST,
        port=port,
        connections=settings.MLLP_CONNECTIONS,
        most_bytes=settings.MLLP_MAX_BYTES,
        a_minute=settings.MLLP_MESSAGES_PER_MINUTE,
        seconds=settings.MLLP_TIMEOUT_SECONDS,
        certificate=settings.MLLP_TLS_CERTIFICATE,
        key=settings.MLLP_TLS_KEY,
    )
