"""The body of a STOW-RS request."""

from __future__ import annotations

import uuid
from collections.abc import Iterable


def multipart(instances: Iterable[bytes]) -> tuple[bytes, dict[str, str]]:
    """Files of DICOM as one body, and the headers that go with it."""
    boundary = uuid.uuid4().hex
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join(head + data + b"\r\n" for data in instances) + f"--{boundary}--\r\n".encode()
    return body, {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Accept": "application/dicom+json",
    }
