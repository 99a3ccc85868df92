"""How the decoding helper and its caller talk: length-prefixed JSON and raw bytes.

Nothing is unpickled: the helper may have been taken over by the file that it decoded.
"""

import json
import struct
from dataclasses import asdict
from datetime import date, datetime
from typing import IO, Any

from ml.imaging.header import DicomHeader
from ml.imaging.names import PersonName
from ml.spec import Modality

_PREFIX = struct.Struct("<IQQ")
_MOST_NOTE = 1 << 20

Message = tuple[dict[str, Any], bytes, bytes]


def write_message(stream: IO[bytes], note: dict[str, Any], first: Any, second: Any = b"") -> None:
    """`first` and `second` are byte buffers of any kind."""
    text = json.dumps(note).encode()
    first, second = memoryview(first).cast("B"), memoryview(second).cast("B")
    stream.write(_PREFIX.pack(len(text), len(first), len(second)) + text)
    stream.write(first)
    stream.write(second)
    stream.flush()


def _read(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise EOFError("the other side is gone")
    return data


def read_message(stream: IO[bytes], most_bytes: int) -> Message:
    """Raises EOFError when the stream ends and ValueError when the message is too large."""
    noted, first, second = _PREFIX.unpack(_read(stream, _PREFIX.size))
    if noted > _MOST_NOTE or first + second > most_bytes:
        raise ValueError("message larger than agreed")
    note = json.loads(_read(stream, noted))
    return note, _read(stream, first), _read(stream, second)


def header_to_note(header: DicomHeader | None) -> dict[str, Any] | None:
    if header is None:
        return None
    note = asdict(header)
    for moment in ("birth_date", "acquired_at"):
        note[moment] = note[moment].isoformat() if note[moment] else None
    return note


def header_from_note(note: dict[str, Any] | None) -> DicomHeader | None:
    if note is None:
        return None
    born, acquired, spacing = (
        note["birth_date"],
        note["acquired_at"],
        note["pixel_spacing"],
    )
    read = {
        "modality": Modality(note["modality"]),
        "birth_date": date.fromisoformat(born) if born else None,
        "acquired_at": datetime.fromisoformat(acquired) if acquired else None,
        "pixel_spacing": (spacing[0], spacing[1]) if spacing else None,
        "image_type": tuple(note["image_type"]),
        "person": PersonName(**note["person"]),
    }
    return DicomHeader(**{**note, **read})
