"""The sender of HL7 messages: one message, one acknowledgement."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from django.utils.translation import gettext_noop

from delivery.departures import record_departure
from delivery.models import Delivery
from delivery.release import require_report, require_study
from delivery.senders import Refused, TryAgain, Unreachable
from diagnosis.states import ReportStanding
from orders.hl7 import results
from orders.hl7.mllp import Frames, TooLarge, framed
from orders.hl7.reading import Incoming, Unusable, read

SECONDS = 15.0
MOST_BYTES = 64 * 1024
NO_ANSWER = gettext_noop(
    "The receiver did not answer in time. The message goes out once more with the same identifier."
)
NOT_OURS = gettext_noop("The receiver answered another message, or in a form that is no acknowledgement.")
TAKEN, TRIED, TURNED_AWAY = {"AA", "CA"}, {"AE", "CE"}, {"AR", "CR"}


def send(delivery: Delivery) -> str:
    """Send the report and wait for its acknowledgement: accepted, to be tried again (AE), or refused (AR)."""
    _require_leave(delivery)
    message = results.message(delivery).encode()
    answer = _exchange(delivery, message)
    if answer.get("MSA", 2) != results.control_id(delivery):
        raise TryAgain(NOT_OURS)
    code = answer.get("MSA", 1).upper()
    said = (answer.get("MSA", 3) or answer.get("ERR", 8) or answer.get("ERR", 7))[:400]
    if code in TAKEN:
        return code
    if code in TURNED_AWAY:
        raise Refused(code, words=said)
    raise TryAgain(code if code in TRIED else NOT_OURS, words=said)


def _require_leave(delivery: Delivery) -> None:
    """Raise Refused for what must not leave: of a study that was taken back, of a confidential record, or signed under
    another patient. That a report was entered in error is told all the same, to whoever was sent it.
    """
    if delivery.payload["standing"] == ReportStanding.ENTERED_IN_ERROR:
        require_study(delivery.study)
    else:
        require_report(delivery.report)


def _exchange(delivery: Delivery, message: bytes) -> Incoming:
    assert delivery.study  # the outbox refuses what has lost its study
    with _connected(delivery) as connection:
        record_departure(delivery, delivery.study, encrypted=delivery.destination.tls)
        connection.sendall(framed(message))
        try:
            raw = Frames(connection, most_bytes=MOST_BYTES, seconds=SECONDS).next()
        except TimeoutError as error:
            raise TryAgain(NO_ANSWER) from error
        except (TooLarge, OSError) as error:
            raise TryAgain(NOT_OURS) from error
    if raw is None:
        raise TryAgain(NO_ANSWER)
    try:
        return read(raw)
    except Unusable as error:
        raise TryAgain(NOT_OURS) from error


def _connected(delivery: Delivery) -> Any:
    destination = delivery.destination
    try:
        connection = socket.create_connection((destination.host, destination.port or 0), SECONDS)
        if not destination.tls:
            return connection
        return ssl.create_default_context().wrap_socket(connection, server_hostname=destination.host)
    except OSError as error:
        raise Unreachable(str(error)) from error
