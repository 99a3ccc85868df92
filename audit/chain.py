"""How entries hang together: each process has a chain of its own, in which every link covers the one before.

A chain has no row that everybody must lock: its end is in the memory of the process that writes it. What follows from
that, and what resists which attack, is weighed in docs/adr/0902-audit-trail.md.
"""

from __future__ import annotations

import json
import os
import uuid
from datetime import UTC
from threading import Lock
from typing import Any

from audit.key import keyed_hash
from audit.models import AuditEvent

FIELDS = (
    *("event", "action", "outcome", "person", "login", "token", "address", "route", "object_type", "object_id"),
    *("patient", "patients", "detail", "chain", "position"),
)


def canonical(event: AuditEvent) -> str:
    """All that an entry says, as one text: JSON with sorted keys, times in UTC to the microsecond."""
    content: dict[str, Any] = {name: getattr(event, name) for name in FIELDS}
    content["at"] = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)


def link(before: str, event: AuditEvent) -> str:
    return keyed_hash("audit link", f"{before}\0{canonical(event)}")


class Chain:
    """The end of one process's chain. Threads take turns, so an entry is stored before the next one is linked to it."""

    def __init__(self) -> None:
        self.key, self.position, self.last = uuid.uuid4(), 0, ""
        self.process = os.getpid()

    def append(self, event: AuditEvent) -> None:
        event.chain, event.position = self.key, self.position
        event.link = link(self.last, event)
        event.save(force_insert=True)
        self.last, self.position = event.link, self.position + 1


_lock = Lock()
_chain: Chain | None = None


def append(event: AuditEvent) -> AuditEvent:
    """Store an entry as the next link. Raises what the database raises; the chain then ends, and another one begins.

    Whether the entry was stored before the connection broke is not known, so nothing may be linked to it.
    """
    global _chain  # noqa: PLW0603  one a process
    with _lock:
        chain = _chain if _chain and _chain.process == os.getpid() else Chain()
        _chain = None
        chain.append(event)
        _chain = chain
    return event


def begin_anew() -> None:
    """Let the next entry begin a chain: for tests, whose rows are rolled back."""
    global _chain  # noqa: PLW0603
    with _lock:
        _chain = None


def _after_fork() -> None:
    """A lock that another thread held at the fork would never open in the child."""
    global _lock  # noqa: PLW0603
    _lock = Lock()


os.register_at_fork(after_in_child=_after_fork)
