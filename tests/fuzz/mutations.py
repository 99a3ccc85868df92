"""Ways to spoil a file that is otherwise good. Each takes the bytes and a source of chance, and gives bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from random import Random

Mutation = Callable[[bytes, Random], bytes]
# Numbers at which counters overflow, signs change and buffers end.
EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
PNG_START = b"\x89PNG\r\n\x1a\n"
DICOM_START = 132
VALUE_TYPES = (
    b"UL",
    b"US",
    b"SS",
    b"OB",
    b"OW",
    b"SQ",
    b"UN",
    b"UI",
    b"DS",
    b"IS",
    b"DA",
    b"PN",
    b"AT",
    b"FD",
    b"\0\0",
)


def spoil(data: bytes, chance: Random) -> bytes:
    """One to six mutations, one after the other."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        data = chance.choice(_fitting(data))(data, chance)
    return data


def _fitting(data: bytes) -> tuple[Mutation, ...]:
    if data.startswith(PNG_START):
        return (*ANY, png_chunk, png_chunk, png_pixels)
    if data[128:DICOM_START] == b"DICM":
        return (*ANY, dicom_length, dicom_type, dicom_value, dicom_value)
    if data.startswith(b"\xff\xd8"):
        return (*ANY, jpeg_segment, jpeg_segment)
    if data.startswith(b"PK"):
        return (*ANY, zip_number, zip_number)
    return ANY


def flip_bits(data: bytes, chance: Random) -> bytes:
    spoiled = bytearray(data)
    for _ in range(chance.choice((1, 8, 64)) if data else 0):
        spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
    return bytes(spoiled)


def cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def take_out(data: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + data[start + chance.choice((1, 4, 100, 5000)) :]


def put_in(data: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + chance.randbytes(chance.choice((1, 4, 100, 5000))) + data[start:]


def repeat(data: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + data[start : start + chance.choice((8, 500, 20_000))] * chance.choice((2, 9)) + data[start:]


def edge(data: bytes, chance: Random) -> bytes:
    """A number of two or four bytes near the beginning, where sizes are."""
    layout = chance.choice(("<H", ">H", "<I", ">I"))
    size = struct.calcsize(layout)
    return _put(data, struct.pack(layout, chance.choice(EDGES) & ((1 << 8 * size) - 1)), chance, within=2000)


def _put(data: bytes, piece: bytes, chance: Random, *, within: int) -> bytes:
    start = chance.randrange(max(1, min(within, len(data))))
    return data[:start] + piece + data[start + len(piece) :]


def png_chunk(data: bytes, chance: Random) -> bytes:
    """Other bytes in a chunk whose check sum is right again."""
    chunks = _chunks(data)
    if not chunks:
        return data
    place = chance.randrange(len(chunks))
    name, body = chunks[place]
    action = chance.randrange(4)
    if action == 0:
        chunks[place] = (name, flip_bits(body, chance))
    elif action == 1:
        chunks[place] = (name, edge(body, chance))
    elif action == 2:
        chunks.insert(chance.randrange(len(chunks)), (name, body))
    else:
        chunks[place] = (chance.choice((b"PLTE", b"tRNS", b"iCCP", b"acTL", b"zTXt", b"gAMA")), body[:5000])
    return _png(chunks)


def png_pixels(data: bytes, chance: Random) -> bytes:
    """Pixels that inflate well, to too few, too many or other bytes."""
    chunks = _chunks(data)
    packed = b"".join(body for name, body in chunks if name == b"IDAT")
    try:
        pixels = zlib.decompress(packed)
    except zlib.error:
        return data
    spoiled = zlib.compress(chance.choice((cut, repeat, flip_bits, put_in))(pixels, chance), 1)
    before = [each for each in chunks if each[0] not in (b"IDAT", b"IEND")]
    return _png([*before, (b"IDAT", spoiled), (b"IEND", b"")])


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, place = [], len(PNG_START)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def _png(chunks: list[tuple[bytes, bytes]]) -> bytes:
    parts = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    ]
    return PNG_START + b"".join(parts)


def dicom_length(data: bytes, chance: Random) -> bytes:
    """The length of an element is another one."""
    start = _element(data, chance)
    return data[: start + 6] + struct.pack("<H", chance.choice(EDGES) & 0xFFFF) + data[start + 8 :]


def dicom_type(data: bytes, chance: Random) -> bytes:
    start = _element(data, chance)
    return data[: start + 4] + chance.choice(VALUE_TYPES) + data[start + 6 :]


def dicom_value(data: bytes, chance: Random) -> bytes:
    """The value of an element, its length left as it is."""
    start = _element(data, chance)
    length = int.from_bytes(data[start + 6 : start + 8], "little") or 2
    value = chance.choice((chance.randbytes(length), b"\xff" * length, b"9" * length, b"\\" * length, b"\0" * length))
    return data[: start + 8] + value + data[start + 8 + length :]


def _element(data: bytes, chance: Random) -> int:
    """Where an element of explicit type with a short length begins, among the first."""
    places, start = [DICOM_START], DICOM_START
    while start + 8 < min(len(data), 4000):
        long = data[start + 4 : start + 6] in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF")
        length = int.from_bytes(data[start + 8 : start + 12] if long else data[start + 6 : start + 8], "little")
        start += (12 if long else 8) + length
        places.append(start)
    return chance.choice(places)


def jpeg_segment(data: bytes, chance: Random) -> bytes:
    """The length, the kind or a byte of a segment."""
    places = [place for place in range(min(len(data), 3000)) if data[place] == 0xFF]
    if not places:
        return data
    start = chance.choice(places) + 1
    piece = chance.choice((bytes([chance.randrange(0xC0, 0x100)]), struct.pack(">H", chance.choice(EDGES) & 0xFFFF)))
    return data[: start + len(piece) - 1] + piece + data[start + 2 * len(piece) - 1 :]


def zip_number(data: bytes, chance: Random) -> bytes:
    """A number of an entry, of the index or of the end."""
    marks = [place for mark in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06") if (place := data.rfind(mark)) >= 0]
    if not marks:
        return data
    start = chance.choice(marks) + 4 + 2 * chance.randrange(20)
    return data[:start] + struct.pack("<I", chance.choice(EDGES))[: chance.choice((2, 4))] + data[start + 4 :]


ANY: tuple[Mutation, ...] = (flip_bits, flip_bits, cut, take_out, put_in, repeat, edge, edge)
