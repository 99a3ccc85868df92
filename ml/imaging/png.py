"""The outline of a PNG file, walked before any decoder sees it."""

import struct
import zlib
from collections.abc import Iterator

from ml.imaging.limits import Limits
from ml.imaging.refusal import ImageRefused
from ml.imaging.sniffing import PNG

# Text, colour profiles and the like never reach the decoder: a few compressed bytes there
# can unfold into gigabytes.
_KEPT = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND"})
_MOST_CHUNKS = 100_000


def _broken() -> ImageRefused:
    return ImageRefused("truncated", variant="png")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, start, end) of each chunk, length and checksum included, up to IEND."""
    start = len(PNG)
    for _ in range(_MOST_CHUNKS):
        if start + 12 > len(data):
            raise _broken()
        length, name = struct.unpack_from(">I4s", data, start)
        end = start + 12 + length
        if end > len(data):
            raise _broken()
        yield name, start, end
        if name == b"IEND":
            return
        start = end
    raise _broken()


def _check_sum(data: bytes, start: int, end: int) -> None:
    (stated,) = struct.unpack_from(">I", data, end - 4)
    if zlib.crc32(memoryview(data)[start + 4 : end - 4]) != stated:
        raise _broken()


def png_size(data: bytes) -> tuple[int, int]:
    """(width, height) as the header states them."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise _broken()
    width, height = struct.unpack_from(">II", data, 16)
    if not width or not height:
        raise _broken()
    return width, height


def essential_png(data: bytes, limits: Limits) -> bytes:
    """The same picture without its ancillary chunks; size, order and checksums verified."""
    limits.check_size(*png_size(data))
    parts = [PNG]
    for name, start, end in _chunks(data):
        if name == b"acTL":
            raise ImageRefused("animated")
        if name in _KEPT:
            _check_sum(data, start, end)
            parts.append(data[start:end])
    return b"".join(parts)
