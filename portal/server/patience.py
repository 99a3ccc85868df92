"""How long a sender may take. A byte every few seconds keeps a connection open, but not for ever."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portal.server.channel import Channel
    from portal.server.request import BoundedRequest

HEAD_SECONDS = 20
# A body gets this long for any size, and then the seconds that its bytes take at the slowest line that counts as one.
BODY_SECONDS = 60
SLOWEST_BYTES_PER_SECOND = 2048
# An unwanted body that rests for so long: its sender waits for the answer.
REST_SECONDS = 1
# Beyond this share of the connections that a process can hold, those that have waited longest go first.
CROWDED = 0.8
ROOMY = 0.6


def too_slow(request: BoundedRequest, now: float) -> bool:
    """Whether `request`, of which a part has arrived, is given up at `now` (time.monotonic)."""
    if request.asks:
        return False
    spent = now - request.begun
    if not request.headers_finished:
        return spent > HEAD_SECONDS
    return spent > BODY_SECONDS + request.body_bytes_received / SLOWEST_BYTES_PER_SECOND


def superfluous(channels: Iterable[Channel], *, most: int) -> list[Channel]:
    """Connections to close so that others get one: without a request that has arrived, the longest silent first."""
    every = list(channels)
    if len(every) <= CROWDED * most:
        return []
    waiting = [channel for channel in every if not channel.requests and not channel.total_outbufs_len]
    waiting.sort(key=lambda channel: channel.last_activity)
    return waiting[: len(every) - int(ROOMY * most)]
