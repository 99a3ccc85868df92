"""Receive orders and patients as HL7 messages until Ctrl-C: `python manage.py listen_hl7`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from network.management.listening import ListeningCommand
from orders.hl7.listener import Door, Listener


class Command(ListeningCommand):
    help = "Receive HL7 messages over MLLP (ORM, OMI, ADT) until Ctrl-C."
    protocol, prefix, received, example = "HL7", "MLLP", "messages", 2575

    @property
    def title(self) -> str:
        return str(settings.MLLP_APPLICATION)

    @contextmanager
    def listening(self, port: int) -> Iterator[int]:
        listener = Listener(door(port))
        listener.start()
        yield listener.port
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
