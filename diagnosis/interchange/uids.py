"""Unique identifiers (UIDs) of what names none itself: 2.25 and its key in decimal digits (PS3.5 B.2)."""

from __future__ import annotations

import uuid

_ROOT = "2.25."


def of_key(key: uuid.UUID) -> str:
    return f"{_ROOT}{key.int}"


def own_or_made(own: str, key: uuid.UUID) -> str:
    """The file's own, else one made of our key."""
    return own or of_key(key)


def key_of(uid: str) -> uuid.UUID | None:
    """The key that a UID is made of; None where it is made of none."""
    digits = uid.removeprefix(_ROOT)
    if digits == uid or not (digits.isascii() and digits.isdigit() and len(digits) < 40 and int(digits) < 2**128):
        return None
    return uuid.UUID(int=int(digits))
