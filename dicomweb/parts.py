"""multipart/related as it comes in: one part after the other, each no larger than is accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

CHUNK_BYTES = 256 * 1024
HEADERS_BYTES = 8 * 1024
MOST_BOUNDARY = 200


class BadMultipart(ValueError):
    """It ends before its end, or is none."""


def parts(read: Callable[[int], bytes], boundary: str, *, most_bytes: int) -> Iterator[bytes | None]:
    """The bytes of each part; None for one of more than `most_bytes`, which is read over. Raises BadMultipart."""
    source, mark = _Source(read), b"\r\n--" + boundary.encode()
    source.until(mark, most=0)
    while not source.goes_on_with(b"--"):
        if source.until(b"\r\n\r\n", most=HEADERS_BYTES) is None:
            raise BadMultipart("headers")
        yield source.until(mark, most=most_bytes)


class _Source:
    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        # The first boundary then looks as the others do.
        self._buffer = bytearray(b"\r\n")

    def _more(self) -> None:
        data = self._read(CHUNK_BYTES)
        if not data:
            raise BadMultipart("it ends too early")
        self._buffer += data

    def goes_on_with(self, text: bytes) -> bool:
        while len(self._buffer) < len(text):
            self._more()
        return self._buffer.startswith(text)

    def until(self, mark: bytes, *, most: int) -> bytes | None:
        """What comes before `mark`, which is taken too; None where that is more than `most` bytes."""
        found, size = bytearray(), 0
        while True:
            at = self._buffer.find(mark)
            end = at if at >= 0 else max(0, len(self._buffer) - len(mark) + 1)
            size += end
            if size <= most:
                found += self._buffer[:end]
            del self._buffer[: end + (len(mark) if at >= 0 else 0)]
            if at >= 0:
                return bytes(found) if size <= most else None
            self._more()
