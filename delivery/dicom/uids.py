"""Identifiers that are made of the portal's own keys: whoever builds an object again builds the same one."""

from __future__ import annotations

import uuid

from diagnosis.interchange.uids import of_key

# Keys of objects that are no row of their own here.
NAMESPACE = uuid.UUID("0f5c4f0e-6c5e-4b0c-9e58-2a3f1d7c9b44")


def made_of(*parts: object) -> str:
    """A UID that is the same for the same parts."""
    return of_key(uuid.uuid5(NAMESPACE, " ".join(map(str, parts))))
