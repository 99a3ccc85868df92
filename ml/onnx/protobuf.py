"""Protocol Buffers, as far as a check of them needs it: which fields a message has, and nothing guessed.

Every field is given, also one that stands twice: a reader may take the first, the last or both of them, so a check of
all of them holds whatever another reader does.
"""

from collections.abc import Iterator

from ml.importing.refusal import ImportRefused

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
SIZES = {FIXED64: 8, FIXED32: 4}
LONGEST_VARINT = 10

Value = int | memoryview


def fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """The fields of a message, in order: number, and an integer or the bytes. Raises ImportRefused for a broken one."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if number == 0:  # which no message has, and a file of zeros is made of
            raise broken()
        if kind == VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if kind == BYTES:
            size, position = _varint(message, position)
        elif kind in SIZES:
            size = SIZES[kind]
        else:
            raise broken()
        if position + size > len(message):
            raise broken()
        yield number, message[position : position + size]
        position += size


def integers(value: Value) -> list[int]:
    """The integers of one field that may be repeated, each by itself or packed."""
    if isinstance(value, int):
        return [value]
    found, position = [], 0
    while position < len(value):
        one, position = _varint(value, position)
        found.append(one)
    return found


def message_in(value: Value) -> memoryview:
    """The bytes of a field that holds a message or a text. Raises ImportRefused for an integer."""
    if isinstance(value, int):
        raise broken()
    return value


def broken() -> ImportRefused:
    """What is said of a file that does not hold together."""
    return ImportRefused("The file is no ONNX file, or is damaged. Copy or export it again.")


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """An integer of 64 bits, and where it ends."""
    found = 0
    for index, byte in enumerate(message[position : position + LONGEST_VARINT]):
        found |= (byte & 127) << (7 * index)
        if byte < 128:
            return found, position + index + 1
    raise broken()
