"""How a process that is shut in and its caller talk: length-prefixed JSON and raw bytes.

Nothing is unpickled: the process may have been taken over by the file that it read.
"""

import json
import struct
from typing import IO, Any

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
