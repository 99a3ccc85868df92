"""Sends one event to one receiver."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Timer

from django.conf import settings
from django.utils.translation import gettext_noop

from delivery.departures import record_departure
from delivery.models import Delivery
from delivery.release import NOT_READ, require_study
from delivery.senders import NotYet, Refused, TryAgain, Unreachable
from delivery.webhooks import reach, signing
from delivery.webhooks.events import STUDY_RESULT
from diagnosis.models import Study
from diagnosis.rules import blinding

# From the look-up of the name to the answer. A worker does nothing else meanwhile: so many times as long as one step
# may take.
LONGEST_STEPS = 2
USER_AGENT = "chest-imaging-portal-webhook/1"
COME_BACK = {408, 425, 429}

NOBODY = gettext_noop("Nobody answers there.")
NO_SECRET = gettext_noop(
    "The destination has no secret to sign with, or one that was encrypted with a key that is not set any more."
)
REDIRECTED = gettext_noop("The receiver pointed to another address, which is not followed.")


def send(delivery: Delivery) -> str:
    """Returns how the receiver answered. A repetition has the same `webhook-id`."""
    study = _study_of(delivery)
    secret = delivery.destination.secret
    if not secret:
        raise Refused(NO_SECRET)
    until = time.monotonic() + LONGEST_STEPS * settings.DELIVERY_TIMEOUT_SECONDS
    target = reach.target(delivery.destination.url, within=_left(until))
    body = json.dumps(delivery.payload, separators=(",", ":"), sort_keys=True).encode()
    signed = signing.headers(secret, key=f"msg_{delivery.pk.hex}", timestamp=int(time.time()), body=body)
    before = partial(record_departure, delivery, study, encrypted=target.is_encrypted)
    return _answered(_post(target, body, signed, until, before))


def _study_of(delivery: Delivery) -> Study:
    """Raises Refused or NotYet where nobody outside may be told, or not before a person has read."""
    key = delivery.payload.get("data", {}).get("study")
    study = require_study(Study.with_withdrawn.filter(pk=key).first() if key else None)
    if delivery.payload["type"] == STUDY_RESULT and blinding.results_held_back().filter(pk=study.pk).exists():
        raise NotYet(NOT_READ)
    return study


class _Pinned(http.client.HTTPConnection):
    """Connects to the address that was looked at, and to no other; with TLS, if any, before `until`."""

    def __init__(self, target: reach.Target, until: float) -> None:
        super().__init__(target.host, target.port, timeout=settings.DELIVERY_TIMEOUT_SECONDS)
        self.target, self.until = target, until

    def connect(self) -> None:
        step = min(settings.DELIVERY_TIMEOUT_SECONDS, _left(self.until))
        self.sock = socket.create_connection((self.target.address, self.target.port), step)
        _left(self.until)  # from here on there is something to cut
        if self.target.is_encrypted:
            context = ssl.create_default_context()
            # Kept before the handshake, in which the receiver can take its time as well.
            self.sock = context.wrap_socket(self.sock, server_hostname=self.target.host, do_handshake_on_connect=False)
            _left(self.until)
            self.sock.do_handshake()


def _left(until: float) -> float:
    """Seconds. Raises Unreachable where there are none."""
    if (left := until - time.monotonic()) <= 0:
        raise Unreachable(NOBODY)
    return left


def _post(target: reach.Target, body: bytes, signed: dict[str, str], until: float, before: Callable[[], None]) -> int:
    """The status of the answer. Its body is not read: nothing that a stranger writes is kept.

    `before` is called once the receiver is there and before anything is said.
    """
    connection = _Pinned(target, until)
    named = {"Content-Type": "application/json", "User-Agent": USER_AGENT, "Connection": "close"}
    late = Timer(_left(until), lambda: _cut(connection))
    late.daemon = True
    late.start()
    try:
        connection.connect()
        before()
        connection.request("POST", target.path, body, named | signed)
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise TryAgain(str(error) or type(error).__name__) from error
    except OSError as error:
        raise Unreachable(NOBODY) from error
    finally:
        late.cancel()
        connection.close()


def _cut(connection: http.client.HTTPConnection) -> None:
    """Whoever answers one byte at a time is not waited for."""
    with suppress(OSError, AttributeError):
        # Of the socket itself: TLS is another thread's at this moment.
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _answered(status: int) -> str:
    said = f"HTTP {status}"
    if 200 <= status < 300:
        return said
    if 300 <= status < 400:
        raise Refused(REDIRECTED)
    if status >= 500 or status in COME_BACK:
        raise TryAgain(said)
    raise Refused(said)
