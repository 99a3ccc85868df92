"""A person's browser, as far as the server sees it: cookies, forms with their token, one connection that is kept."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.bench.client import Refused

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass
class Answer:
    status: int
    content: bytes
    location: str
    etag: str

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")


@dataclass
class Browsing:
    host: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)  # the tags of images that the browser has
    _token: str = field(default="", repr=False)
    _connection: http.client.HTTPConnection | None = None

    def sign_in(self, email: str, password: str) -> None:
        self.get("/accounts/sign-in/")
        self.post("/accounts/sign-in/", login=email, password=password)

    def get(self, path: str) -> Answer:
        """Raises Refused unless the answer is 200. Remembers the page's form token."""
        answer = self._send("GET", path, None)
        if answer.status != 200:
            raise _refused("GET", path, answer)
        if found := _TOKEN.search(answer.text) if answer.content[:15] == b"<!DOCTYPE html>" else None:
            self._token = found[1]
        return answer

    def image(self, path: str) -> None:
        """Fetch it, or ask whether the kept one still holds."""
        answer = self._send("GET", path, None, **({"If-None-Match": self.kept[path]} if path in self.kept else {}))
        if answer.status not in (200, 304):
            raise _refused("GET", path, answer)
        self.kept[path] = answer.etag

    def post(self, path: str, **values: str) -> str:
        """Send a form. Returns where the server leads on to; raises Refused when it does not."""
        answer = self._send("POST", path, urlencode({"csrfmiddlewaretoken": self._token, **values}).encode())
        if answer.status != 302:
            raise _refused("POST", path, answer)
        return answer.location

    def rest(self) -> None:
        """Close the connection: a server gives up one on which nothing comes for a while."""
        if self._connection:
            self._connection.close()

    def _send(self, method: str, path: str, body: bytes | None, **headers: str) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        self._connection.request(method, path, body, self._headers(body) | headers)
        response = self._connection.getresponse()
        content = response.read()
        for line in response.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        told = response.headers
        return Answer(response.status, content, told.get("Location", ""), told.get("ETag", ""))

    def _headers(self, body: bytes | None) -> dict[str, str]:
        headers = {
            "Accept-Encoding": "gzip",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        return headers | ({"Content-Type": "application/x-www-form-urlencoded"} if body else {})


def _refused(method: str, path: str, answer: Answer) -> Refused:
    return Refused(f"{method} {path}: {answer.status} {answer.location} {answer.text[:500]}")
