"""Receive images over the DICOM network until Ctrl-C: `python manage.py listen_dicom`."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from network import spool
from network.listener import Door, Listener
from network.waking import Waker


class Command(BaseCommand):
    help = "Receive images over the DICOM network (C-STORE, C-ECHO) until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.DICOM_PORT, help="port to listen on")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        if not port:
            raise CommandError("Set DICOM_PORT to the port on which images are received, for example 11112.")
        os.umask(0o077)
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        spool.sweep()
        waker = Waker()
        listener = Listener(door(port), arrived=waker.arrived)
        try:
            listener.start()
        except OSError as error:
            raise CommandError(f"The DICOM listener cannot start at {settings.DICOM_HOST}:{port}: {error}") from error
        self.stdout.write(f"{settings.DICOM_AE_TITLE} listens at {settings.DICOM_HOST}:{listener.port}.")
        self.stdout.flush()
        stopping.wait()
        listener.stop()
        waker.stop()


def door(port: int) -> Door:
    """What the settings say."""
    return Door(
        host=settings.DICOM_HOST,
        port=port,
        title=settings.DICOM_AE_TITLE,
        associations=settings.DICOM_ASSOCIATIONS,
        most_bytes=settings.UPLOAD_MAX_BYTES,
        a_minute=settings.DICOM_INSTANCES_PER_MINUTE,
        seconds=settings.DICOM_TIMEOUT_SECONDS,
        certificate=settings.DICOM_TLS_CERTIFICATE,
        key=settings.DICOM_TLS_KEY,
        held_bytes=settings.DICOM_MEMORY_MEGABYTES * 1024 * 1024,
    )
