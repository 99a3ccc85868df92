"""A form with one file, read while it is sent: a file is never whole in memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from client.transport import Body

CHUNK = 256 * 1024


def form(fields: Mapping[str, str], path: Path) -> Body:
    """multipart/form-data with `fields`, and the file as `file`. Raises OSError where it cannot be read."""
    boundary = uuid.uuid4().hex
    before = b"".join(_field(boundary, name, value) for name, value in fields.items()) + _head(boundary, path.name)
    after = f"\r\n--{boundary}--\r\n".encode()
    size = path.stat().st_size

    def parts() -> Iterator[bytes]:
        yield before
        yield from _chunks(path, size)
        yield after

    return Body(f"multipart/form-data; boundary={boundary}", len(before) + size + len(after), parts)


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    """Exactly `size` bytes, or an error: a file that grows or shrinks meanwhile would end in a wrong place."""
    left = size
    with path.open("rb") as file:
        while chunk := file.read(min(CHUNK, left) or 1):
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
    if left:
        raise ValueError(f"{path} changed while it was sent")


def _field(boundary: str, name: str, value: str) -> bytes:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def _head(boundary: str, filename: str) -> bytes:
    """As HTML says names are escaped."""
    plain = filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{plain}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
