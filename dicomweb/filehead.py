"""What the head of a DICOM file states (PS3.10 7.1), read by hand: the data set behind it stays closed."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PREFIX_END, MARK = 132, b"DICM"
# Longer than any: it has two UIDs, a name and a version, and what a program may add.
MOST_BYTES = 64 * 1024
_LONG = frozenset({b"OB", b"OW", b"UN", b"UT", b"SQ"})
_UIDS = {0x0002: "sop_class", 0x0003: "sop_instance", 0x0010: "syntax"}


class NoHead(ValueError):
    """It is no file in DICOM's file format, or its head leaves out what it must have."""


@dataclass(frozen=True)
class FileHead:
    """`size`: bytes up to the data set."""

    sop_class: str
    sop_instance: str
    syntax: str
    size: int


def read(data: bytes) -> FileHead:
    """Raises NoHead."""
    if data[128:PREFIX_END] != MARK:
        raise NoHead
    found: dict[str, str] = {}
    at = PREFIX_END
    while at + 8 <= len(data) and data[at : at + 2] == b"\x02\x00" and at < MOST_BYTES:
        element, kind, length = struct.unpack_from("<H2sH", data, at + 2)
        at += 8
        if kind in _LONG:
            (length,) = struct.unpack("<I", data[at : at + 4].ljust(4, b"\0"))
            at += 4
        if element in _UIDS:
            found[_UIDS[element]] = data[at : at + length].rstrip(b"\0 ").decode("ascii", "replace")
        at += length
    if found.keys() != set(_UIDS.values()) or at >= len(data):
        raise NoHead
    return FileHead(**found, size=at)
