"""What a compressed frame says about itself, read before any decoder allocates memory."""

import struct
from dataclasses import dataclass

from ml.imaging.refusal import ImageRefused

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_J2K_START = b"\xff\x4f\xff\x51"
_JP2_START = b"\0\0\0\x0cjP  "
_END = b"\xff\xd9"  # end of image in every JPEG family
_PADDING = 16


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


def read_codestream(frame: bytes) -> Codestream:
    """Size and depth of a JPEG, JPEG-LS or JPEG 2000 frame that reaches its end marker."""
    if _END not in frame[-_PADDING:]:
        raise _broken()
    if frame.startswith(_J2K_START):
        return _read_j2k(frame)
    if frame.startswith(b"\xff\xd8"):
        return read_jpeg_header(frame)
    raise _broken()
