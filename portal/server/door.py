"""Asks who sends an upload, on a thread of its own: the database may be slow, and the receiving thread never waits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import close_old_connections
from waitress.task import ThreadedTaskDispatcher

from accounts.sender import Sender, sender
from portal.server.places import Places

if TYPE_CHECKING:
    from portal.server.channel import Channel
    from portal.server.request import BoundedRequest

logger = logging.getLogger(__name__)

THREADS = 2


@dataclass(frozen=True)
class Answer:
    """Who sends it; `refusal` is empty, "too_many" (uploads at once) or "unavailable" (nobody can tell)."""

    sender: Sender | None
    refusal: str = ""
    leave: Callable[[], None] | None = None


class Door:
    def __init__(self) -> None:
        self._places = Places(person=settings.UPLOADS_PER_PERSON, clinic=settings.UPLOADS_PER_CLINIC)
        self._threads = ThreadedTaskDispatcher()
        self._threads.set_thread_count(THREADS)

    def ask(self, channel: Channel, request: BoundedRequest) -> None:
        """The answer reaches `channel.admit` on the receiving thread."""
        self._threads.add_task(_Question(self, channel, request))

    def answer(self, request: BoundedRequest) -> Answer:
        """Blocks: asks the database."""
        found = _sender(request)
        if isinstance(found, Answer):
            return found
        if found and not self._places.take(found):
            return Answer(None, "too_many")
        return Answer(found, leave=partial(self._places.give_back, found) if found else None)

    def close(self) -> None:
        self._threads.shutdown(timeout=1)


@dataclass(eq=False)
class _Question:
    door: Door
    channel: Channel
    request: BoundedRequest

    def service(self) -> None:
        answer = self.door.answer(self.request)
        self.channel.server.trigger.pull_trigger(partial(self.channel.admit, self.request, answer))

    def cancel(self) -> None:
        """The server stops; the connection is closed with it."""


def _sender(request: BoundedRequest) -> Sender | Answer | None:
    headers = request.headers
    try:
        close_old_connections()
        return sender(cookie=headers.get("COOKIE", ""), authorization=headers.get("AUTHORIZATION", ""))
    except Exception:
        # Whatever the database's driver raises: the upload is not lost, its sender may try again.
        logger.exception("Who sends an upload could not be found out; it is refused")
        return Answer(None, "unavailable")
    finally:
        close_old_connections()
