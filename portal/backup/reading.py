"""Read a backup: its manifest, and every file of it against its hash."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.backup import places
from portal.backup.envelope import open_into
from portal.backup.errors import BackupDamaged
from portal.backup.manifest import Manifest
from portal.backup.store import Store, Stored
from portal.backup.streams import put_in_place


@contextmanager
def opened(store: Store, name: str, identities: Sequence[Any]) -> Iterator[Manifest]:
    """The manifest of a backup; "" is the newest. Raises BackupDamaged and RestoreRefused."""
    with places.temporary() as file:
        open_into(store.manifest(name or newest(store)), file, identities)
        yield Manifest.read(file)


def newest(store: Store) -> str:
    found = store.backups()
    if not found:
        raise BackupDamaged(f"There is no whole backup in {store.root}.")
    return found[-1]


def fetch(store: Store, stored: Stored, place: Path, identities: Sequence[Any]) -> None:
    """Write one file to `place`, where it appears once it is whole. Raises BackupDamaged."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = place.with_name(f"{place.name}.restoring")
    with draft.open("wb") as target:
        _read(store, stored, target, identities)
    put_in_place(draft, place)


@dataclass(frozen=True)
class ReadBack:
    """What was read and found right, the database included."""

    name: str
    files: int
    size: int  # bytes


def read_back(store: Store, name: str, identities: Sequence[Any]) -> ReadBack:
    """Decrypt everything, compare every hash, keep nothing. Raises BackupDamaged at the first that is wrong."""
    name, size = name or newest(store), 0
    with opened(store, name, identities) as manifest:
        _discard(store, manifest.header.database_stored, identities)
        for entry in manifest.entries():
            _discard(store, entry.stored, identities)
            size += entry.stored.size
        return ReadBack(name, manifest.header.files, size + manifest.header.database_stored.size)


def _read(store: Store, stored: Stored, writer: Any, identities: Sequence[Any]) -> None:
    found = store.read(stored.name, writer, identities)
    if (found.size, found.sha256) != (stored.size, stored.sha256):
        raise BackupDamaged(f"The object {stored.name} does not hold what the manifest says.")


def _discard(store: Store, stored: Stored, identities: Sequence[Any]) -> None:
    with Path(os.devnull).open("wb") as nowhere:
        _read(store, stored, nowhere, identities)
