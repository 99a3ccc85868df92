"""Encryption with age (https://age-encryption.org/v1): the server knows only to whom it encrypts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyrage

from portal.backup.errors import BackupDamaged, BackupFailed, RestoreRefused
from portal.backup.streams import BLOCK, Counted

SUFFIX = ".age"
SECRET = "AGE-SECRET-KEY-"  # noqa: S105  the word that such a key begins with


@dataclass(frozen=True)
class Envelope:
    """`recipients`: public keys (age1…) of those who can open it; none: it is not encrypted."""

    recipients: tuple[str, ...] = ()

    @classmethod
    def to(cls, recipients: Sequence[str]) -> Envelope:
        """Raises BackupFailed for what is no key."""
        for one in recipients:
            _recipient(one)
        return cls(tuple(sorted(set(recipients))))

    @property
    def suffix(self) -> str:
        return SUFFIX if self.recipients else ""

    def close(self, reader: Counted, writer: Counted) -> None:
        """Raises the OSError of `reader` or `writer`."""
        if not self.recipients:
            shutil.copyfileobj(reader, writer, BLOCK)
            return
        try:
            pyrage.encrypt_io(reader, writer, [_recipient(one) for one in self.recipients])
        except (pyrage.EncryptError, OSError) as error:
            raise (reader.error or writer.error or OSError(str(error))) from error


def open_into(source: Path, writer: IO[bytes], identities: Sequence[Any]) -> Counted:
    """What lies in `source`, to `writer`. Raises BackupDamaged, RestoreRefused, and the OSError of `writer`."""
    counted = Counted(writer)
    with source.open("rb") as file:
        if source.suffix == SUFFIX:
            _decrypt(source, file, counted, identities)
        else:
            shutil.copyfileobj(file, counted, BLOCK)
    return counted


def _decrypt(source: Path, file: IO[bytes], writer: Counted, identities: Sequence[Any]) -> None:
    if not identities:
        raise RestoreRefused(f"{source.name} is encrypted: name the file with the secret key, --identity FILE.")
    try:
        pyrage.decrypt_io(file, writer, list(identities))
    except pyrage.DecryptError as error:
        raise RestoreRefused(f"No key of the identity file opens {source.name}: it is another backup's.") from error
    except OSError as error:
        raise writer.error or BackupDamaged(f"{source} was changed or cut off: {error}.") from error


def identities_in(file: Path) -> list[Any]:
    """The secret keys of a file as age-keygen and `manage.py backup --new-key` write it. Raises RestoreRefused."""
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line.startswith(SECRET)]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError) as error:
        raise RestoreRefused(f"{file} is no identity file: {error}.") from error
    if not found:
        raise RestoreRefused(f"{file} holds no secret key ({SECRET}…).")
    return found


def new_key(file: Path) -> str:
    """Write a new secret key to `file`, which must not be there yet, and return its public key."""
    identity = pyrage.x25519.Identity.generate()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupFailed("key", f"{file} cannot be written: {error}.") from error
    with os.fdopen(descriptor, "w") as target:
        target.write(f"# public key: {identity.to_public()}\n{identity}\n")
        target.flush()
        os.fsync(target.fileno())
    return str(identity.to_public())


def _recipient(text: str) -> Any:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise BackupFailed("no_recipients", f"{text} in BACKUP_RECIPIENTS is no public key of age: {error}.") from error
