"""multipart/related as it is sent: part after part from the disk, never a whole study in memory."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.http import StreamingHttpResponse

from diagnosis.api.files import PRIVATE
from dicomweb.accepting import RELATED

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Part:
    """`read` gives its bytes, piece by piece, when it is its turn."""

    content_type: str
    size: int
    read: Callable[[], Iterator[bytes]]
    location: str = ""


def related(parts: Iterable[Part], *, kind: str) -> StreamingHttpResponse:
    """`kind`: the type of the parts. A file that fails on the way ends the connection before the closing boundary."""
    boundary = secrets.token_hex(16)
    content_type = f'{RELATED}; type="{kind}"; boundary={boundary}'
    return StreamingHttpResponse(_written(parts, boundary), content_type=content_type, headers=PRIVATE)


def _written(parts: Iterable[Part], boundary: str) -> Iterator[bytes]:
    for part in parts:
        yield _head(part, boundary)
        yield from part.read()
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _head(part: Part, boundary: str) -> bytes:
    lines = [f"--{boundary}", f"Content-Type: {part.content_type}", f"Content-Length: {part.size}"]
    if part.location:
        lines.append(f"Content-Location: {part.location}")
    return "\r\n".join([*lines, "", ""]).encode()
