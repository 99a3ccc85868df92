"""Requests that are sent again where that is of use, over HTTPS, without ever following a redirect."""

from __future__ import annotations

import http.client
import json
import random
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

# A body that can be sent a second time: its parts are made anew for each try.
Parts = Callable[[], Iterable[bytes]]
LONGEST_PAUSE = 60.0


class PortalError(Exception):
    """Something went wrong that a person can read."""


class Problem(PortalError):
    """A refusal of the portal, RFC 9457. `code` is for programs and stays the same."""

    def __init__(self, status: int, body: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.code = str(body.get("code", ""))
        self.detail = str(body.get("detail", ""))
        self.retryable = bool(body.get("retryable", status >= 500))
        self.body = body
        self.retry_after = retry_after
        super().__init__(f"{self.detail or 'The portal refused it.'} (HTTP {status}, {self.code or 'no code'})")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # by names in lower case
    content: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.content) if self.content else None
        except ValueError as error:
            raise PortalError("The answer is not JSON. Check the address of the portal.") from error

    @property
    def retry_after(self) -> float | None:
        said = self.headers.get("retry-after", "")
        return float(said) if said.isdigit() else None


@dataclass(frozen=True)
class Body:
    """`size` in bytes is that of all parts together."""

    kind: str
    size: int
    parts: Parts

    @classmethod
    def of_json(cls, value: Any) -> Body:
        data = json.dumps(value).encode()
        return cls("application/json", len(data), lambda: [data])


@dataclass
class Transport:
    """`tries` of one request in all; `timeout` in seconds for each step of it."""

    base: str
    token: str
    tries: int = 5
    timeout: float = 60.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        self.base = self.base.rstrip("/")
        parts = urlsplit(self.base)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(parts.hostname or "")):
            raise PortalError(
                "The address of the portal must begin with https://, or the token could be read on its way."
            )

    def request(self, method: str, address: str, body: Body | None = None, **headers: str) -> Answer:
        """`address`: a path, or a whole address that the portal gave. Raises Problem, and PortalError where nobody
        answers. Sends again what may succeed later, so whoever changes something gives a key with it.
        """
        for left in range(self.tries - 1, -1, -1):
            try:
                return self._once(method, self._path(address), body, headers)
            except Problem as problem:
                if not (problem.retryable and left):
                    raise
                self._pause(self.tries - left, problem.retry_after)
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, ssl.SSLCertVerificationError) or not left:
                    raise PortalError(f"The portal cannot be reached: {error or type(error).__name__}") from error
                self._pause(self.tries - left, None)
        raise AssertionError("unreachable")

    def _path(self, address: str) -> str:
        """The token goes to the portal and to nobody else, whatever an answer says: no other host, and nothing beside
        the folder in which the portal lies.
        """
        asked, ours = urlsplit(address), urlsplit(self.base)
        if asked.netloc and asked.netloc != ours.netloc:
            raise PortalError(f"The portal named an address of another host, {asked.netloc}.")
        # A portal behind a proxy may not know its own folder, and leave it out of the addresses that it gives.
        is_whole = bool(asked.netloc) and asked.path.startswith(f"{ours.path}/")
        path = asked.path if is_whole else ours.path + asked.path
        return path + (f"?{asked.query}" if asked.query else "")

    def _once(self, method: str, path: str, body: Body | None, headers: Mapping[str, str]) -> Answer:
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if body:
            sent |= {"Content-Type": body.kind, "Content-Length": str(body.size)}
        connection = self._connection()
        try:
            connection.request(method, path, body.parts() if body else None, sent)
            return _answer(connection.getresponse())
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.base)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self.timeout)

    def _pause(self, tries: int, asked: float | None) -> None:
        """As long as the portal asks for, else longer after each try."""
        wait = asked if asked is not None else 0.5 * 2**tries * random.uniform(0.75, 1)  # noqa: S311  no secret
        self.sleep(min(wait, LONGEST_PAUSE))


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _answer(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    answer = Answer(response.status, headers, response.read())
    if response.status < 300 or response.status == 304:
        return answer
    if response.status < 400:
        raise PortalError(f"The portal points to {headers.get('location', 'nowhere')}; name that address instead.")
    raise Problem(response.status, _problem(answer), answer.retry_after)


def _problem(answer: Answer) -> Mapping[str, Any]:
    """A proxy in front answers in HTML."""
    try:
        found = json.loads(answer.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
