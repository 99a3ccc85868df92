"""One connection, as waitress keeps it, with the questions that an upload has to answer first."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from portal.server.request import BoundedRequest

if TYPE_CHECKING:
    from portal.server.door import Answer


class LoggedTask(WSGITask):
    """One answer; gunicorn's logger writes the line about it."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ["portal.refusal"] = self.request.refusal
        environ["RAW_URI"] = self.request.request_uri  # gunicorn's name of it
        return environ

    def service(self) -> None:
        begun = time.monotonic()
        super().service()
        self._log(time.monotonic() - begun)

    def _log(self, seconds: float) -> None:
        sent = self.content_bytes_written or self.content_length or 0
        answer = SimpleNamespace(status=self.status, sent=sent, headers=self.response_headers)
        request = SimpleNamespace(headers=list(self.request.headers.items()))
        self.channel.server.log_access(answer, request, self.get_environment(), seconds)


class Channel(HTTPChannel):
    # The one that arrives now; those that have arrived wait in `requests`.
    request: BoundedRequest | None
    requests: list[BoundedRequest]
    parser_class = BoundedRequest
    task_class = LoggedTask

    def received(self, data: bytes) -> bool:
        alive: bool = super().received(data)
        request = self.request
        if request is not None and request.asks and not request.asked:
            request.asked = True
            self.server.door.ask(self, request)
        return alive

    def readable(self) -> bool:
        """Not while it is asked who sends: what nobody may send is not read."""
        return bool(super().readable()) and not (self.request and self.request.asks)

    def admit(self, request: BoundedRequest, answer: Answer) -> None:
        """On the receiving thread: read on, as `answer` allows."""
        held = request.admit(answer.sender, refusal=answer.refusal, on_close=answer.leave)
        if self.request is not request or not self.connected:
            request.close()
        elif request.completed:
            self._begin(request)
        else:
            if request.expect_continue and not self.requests:
                self.send_continue()
            if held:  # from a sender that did not wait to be told to go on, too
                self.received(held)

    def end_unwanted(self) -> None:
        """Answer now what is refused anyway."""
        if self.request is not None:
            self.request.end_unwanted()
            self._begin(self.request)

    def handle_close(self) -> None:
        super().handle_close()
        request, self.request = self.request, None
        if request is not None:
            request.close()

    def service(self) -> None:
        super().service()
        if not self.connected:
            with self.requests_lock:
                left = self.requests
                self.requests = []
            for request in left:
                request.close()

    def cancel(self) -> None:
        for request in self.requests:
            request.close()
        super().cancel()

    def _begin(self, request: BoundedRequest) -> None:
        """As `received` does with a request that is whole."""
        with self.requests_lock:
            self.request, self.sent_continue = None, False
            self.requests.append(request)
            if len(self.requests) == 1:
                self.server.add_task(self)
