"""One request while it arrives: no larger than its address allows, and an upload only from who may send one."""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

from waitress.parser import HTTPRequestParser
from waitress.utilities import RequestEntityTooLarge

from accounts.sender import Sender
from portal import bodies

# Of a body that is not wanted so much is read and forgotten: who is cut off while sending sees no answer.
DRAIN = 256 * 1024 * 1024


class Unwanted:
    """Takes the place of a body that is not kept."""

    error = None

    def __init__(self, length: int) -> None:
        self._left = min(length, DRAIN)
        self._nothing = BytesIO()

    def __len__(self) -> int:
        return 0

    @property
    def completed(self) -> bool:
        return self._left <= 0

    def received(self, data: bytes) -> int:
        self._left -= len(data)
        return len(data)

    def end(self) -> None:
        self._left = 0

    def getfile(self) -> BytesIO:
        return self._nothing

    def getbuf(self) -> BytesIO:
        return self._nothing


class BoundedRequest(HTTPRequestParser):
    """Waitress's parser with a bound for each address.

    A body beyond it is not kept: the application sees the stated length and an empty body, and refuses in its own
    words. For an upload somebody is asked first who sends it: `asks` is true until `admit` is called.
    """

    body_rcv: Any
    completed: bool
    error: Any
    expect_continue: bool
    asks = False
    asked = False
    sender: Sender | None = None
    refusal = ""
    _held = b""
    _expects = False
    _on_close: Callable[[], None] | None = None

    def __init__(self, adjustments: Any) -> None:
        super().__init__(adjustments)
        self.begun = time.monotonic()
        self.most = bodies.SMALL

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.body_rcv is None:
            return
        if bodies.upload_limit(self.path) is None:
            self._bound(bodies.limit(self.path))
        else:
            self.asks = True
            # Nobody is told to go on sending before it is known who asks.
            self._expects, self.expect_continue = self.expect_continue, False

    def received(self, data: bytes) -> int:
        if self.asks:
            self._held += data
            return len(data)
        taken: int = super().received(data)
        if self.chunked and not self.error and self.body_bytes_received > self.most:
            self.error = RequestEntityTooLarge(f"exceeds max_body of {self.most}")
            self.completed = True
        return taken

    def admit(self, sender: Sender | None, *, refusal: str = "", on_close: Callable[[], None] | None = None) -> bytes:
        """The answer of who was asked. Returns what arrived in the meantime, to be received again."""
        self.sender, self.refusal, self._on_close = sender, refusal, on_close
        self.asks, self.expect_continue = False, self._expects
        self.begun = time.monotonic()
        most = bodies.upload_limit(self.path) if sender else bodies.SMALL
        self._bound(-1 if refusal else most or 0)
        held, self._held = self._held, b""
        return held

    @property
    def unwanted(self) -> bool:
        return isinstance(self.body_rcv, Unwanted)

    def end_unwanted(self) -> None:
        """Nothing of the body came for a while: its sender waits for an answer."""
        self.body_rcv.end()
        self.completed = True

    def close(self) -> None:
        super().close()
        if self._on_close:
            done, self._on_close = self._on_close, None
            done()

    def _bound(self, most: int) -> None:
        self.most = most
        if self.chunked or self.content_length <= most:
            return
        # A sender that asked whether to go on gets the answer instead.
        self.body_rcv = Unwanted(0 if self.expect_continue else self.content_length)
        self.completed = self.expect_continue
        self.expect_continue = False
        # What it still sends after the answer is no second request.
        self.headers["CONNECTION"] = "close"
