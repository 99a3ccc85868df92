"""A client of the API as a program outside the clinic's network would be: HTTP, a token, multipart."""

from __future__ import annotations

import http.client
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

# An archive of hundreds of files is answered when the last one was checked.
ANSWER_SECONDS = 600


class Refused(Exception):
    """The portal answered something else than it should; the message holds its answer."""


@dataclass
class Client:
    host: str
    port: int
    secret: str = field(default="", repr=False)

    def sign_in(self, email: str, password: str) -> None:
        body = json.dumps({"email": email, "password": password, "name": "bench"}).encode()
        self.secret = self._call("POST", "/api/v1/tokens/", body, "application/json")["token"]

    def patients(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "/api/v1/patients/")["results"]
        return found

    def upload(self, *, patient: str, modality: str, name: str, data: bytes, **others: str) -> dict[str, Any]:
        """`others`: what a person ticks on the form, such as `identity_confirmed`."""
        body, boundary = _multipart({"patient": patient, "modality": modality, **others}, name, data)
        return self._call("POST", "/api/v1/scans/", body, f"multipart/form-data; boundary={boundary}")

    def upload_archive(self, *, patient: str, name: str, data: bytes) -> dict[str, Any]:
        body, boundary = _multipart({"patient": patient}, name, data)
        return self._call("POST", "/api/v1/archives/", body, f"multipart/form-data; boundary={boundary}")

    def analysis(self, pk: str) -> dict[str, Any]:
        return self._call("GET", f"/api/v1/analyses/{pk}/")

    def _call(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        if content_type:
            headers["Content-Type"] = content_type
        connection = http.client.HTTPConnection(self.host, self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise Refused(f"{method} {path}: {answer.status} {content[:500].decode(errors='replace')}")
        decoded: dict[str, Any] = json.loads(content)
        return decoded


def _multipart(fields: dict[str, str], name: str, data: bytes) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    kind, end = b"Content-Type: application/octet-stream\r\n\r\n", f"\r\n--{boundary}--\r\n"
    return b"".join([*parts, head.encode(), kind, data, end.encode()]), boundary
