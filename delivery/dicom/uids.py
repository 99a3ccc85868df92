"""Identifiers that are made of the portal's own keys: whoever builds an object again builds the same one."""

from __future__ import annotations

import uuid

# Keys of objects that are no row of their own here.
NAMESPACE = uuid.UUID("0f5c4f0e-6c5e-4b0c-9e58-2a3f1d7c9b44")


def made_of(*parts: object) -> str:
    """A UID as PS3.5 B.2 makes one of a UUID: the same for the same parts."""
    return f"2.25.{uuid.uuid5(NAMESPACE, ' '.join(map(str, parts))).int}"


def study_uid(own: str, key: uuid.UUID) -> str:
    """The file's own, else one made of our key; the same that FHIR names."""
    return own or f"2.25.{key.int}"
