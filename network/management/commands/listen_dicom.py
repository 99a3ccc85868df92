"""Receive images over the DICOM network until Ctrl-C: `python manage.py listen_dicom`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from network import spool
from network.listener import Door, Listener
from network.management.listening import ListeningCommand
from network.waking import Waker


class Command(ListeningCommand):
    help = "Receive images over the DICOM network (C-STORE, C-ECHO) until Ctrl-C."
    protocol, prefix, received, example = "DICOM", "DICOM", "images", 11112

    @property
    def title(self) -> str:
        return str(settings.DICOM_AE_TITLE)

    @contextmanager
    def listening(self, port: int) -> Iterator[int]:
        spool.sweep()
        waker = Waker()
        listener = Listener(door(port), arrived=waker.arrived)
        listener.start()
        yield listener.port
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
