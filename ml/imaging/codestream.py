"""What a compressed frame says about itself, read before any decoder allocates memory."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ml.imaging.refusal import ImageRefused

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_J2K_START = b"\xff\x4f\xff\x51"
_JP2_START = b"\0\0\0\x0cjP  "
_END = b"\xff\xd9"  # end of image in every JPEG family
_PADDING = 16
_TILE_PART = b"\xff\x90"
_LEAST_TILE_PART = 14
_MOST_TILES = 65535
# Even a lossy image of the chest has a bit for some ten pixels; one bit for more than these is a header that lies.
_MOST_PIXELS_A_BIT = 64


@dataclass(frozen=True, slots=True)
class Codestream:
    rows: int
    columns: int
    samples: int
    bits: int


def _broken() -> ImageRefused:
    return ImageRefused("truncated", variant="compressed")


def bare_frame(frame: bytes) -> bytes:
    """A JPEG 2000, JPEG or JPEG-LS frame without the padding behind its end and without the boxes of a JP2 file."""
    if frame.startswith(_JP2_START):
        frame = _without_boxes(frame)
    return frame.rstrip(b"\0\xff")


def _without_boxes(frame: bytes) -> bytes:
    """The contents of the first codestream box (ISO/IEC 15444-1, annex I)."""
    at = 0
    while at + 16 <= len(frame):
        length, kind = struct.unpack_from(">I4s", frame, at)
        start = at + 8
        if length == 1:  # a longer length follows
            (length,) = struct.unpack_from(">Q", frame, start)
            start += 8
        end = at + length if length else len(frame)
        if kind == b"jp2c":
            return frame[start:end]
        at = max(end, start)
    raise _broken()


def read_jpeg_header(frame: bytes) -> Codestream:
    """Size and depth from the frame header of any JPEG, JPEG-LS included."""
    at = 2
    while at + 10 <= len(frame) and frame[at] == 0xFF:
        marker, length = frame[at + 1], int.from_bytes(frame[at + 2 : at + 4], "big")
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _JPEG_FRAMES:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", frame, at + 4)
            return Codestream(rows, columns, samples, bits)
        else:
            at += 2 + max(length, 2)
    raise _broken()


def _read_j2k(frame: bytes) -> Codestream:
    if len(frame) < 43:
        raise _broken()
    right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
    samples, depth = struct.unpack_from(">HB", frame, 40)
    return Codestream(bottom - top, right - left, samples, (depth & 0x7F) + 1)


def _require_every_tile(frame: bytes, found: Codestream) -> None:
    """OpenJPEG leaves black what is missing. Here a tile that is not there, or that ends too early, is refused."""
    across, down, left, top = struct.unpack_from(">4I", frame, 24)
    right, bottom = struct.unpack_from(">2I", frame, 8)
    if not across or not down or found.rows * found.columns > _MOST_PIXELS_A_BIT * 8 * len(frame):
        raise _broken()
    tiles = -(-(right - left) // across) * -(-(bottom - top) // down)
    if tiles > _MOST_TILES or set(_tile_parts(frame)) != set(range(tiles)):
        raise _broken()


def _tile_parts(frame: bytes) -> Iterator[int]:
    """The tile of each tile-part, in their order (ISO/IEC 15444-1, A.4.2)."""
    at = _end_of_main_header(frame)
    while frame[at : at + 2] == _TILE_PART:
        tile, length = struct.unpack_from(">HI", frame, at + 4)
        yield tile
        at = at + length if length else len(frame) - len(_END)  # only the last one may leave its length open
        if length in range(1, _LEAST_TILE_PART) or at > len(frame) - len(_END):
            raise _broken()
    if frame[at : at + 2] != _END:
        raise _broken()


def _end_of_main_header(frame: bytes) -> int:
    at = 2
    while frame[at : at + 2] != _TILE_PART:
        if at + 4 > len(frame) or frame[at] != 0xFF:
            raise _broken()
        at += 2 + max(int.from_bytes(frame[at + 2 : at + 4], "big"), 2)
    return at


def read_codestream(frame: bytes) -> Codestream:
    """Size and depth of a JPEG, JPEG-LS or JPEG 2000 frame that reaches its end marker."""
    if _END not in frame[-_PADDING:]:
        raise _broken()
    if frame.startswith(_J2K_START):
        found = _read_j2k(frame)
        _require_every_tile(frame, found)
        return found
    if frame.startswith(b"\xff\xd8"):
        return read_jpeg_header(frame)
    raise _broken()
