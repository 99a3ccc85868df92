"""The audit key on its way to where it is kept, apart from the backups, and back."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from portal.backup.envelope import SUFFIX, Envelope, open_into
from portal.backup.errors import BackupDamaged, BackupFailed, RestoreRefused
from portal.backup.streams import Counted


def save(file: Path, envelope: Envelope, *, backups: Path | None) -> Path:
    """Write the key, encrypted, to `file` (with .age at its end), and return where it is. Raises BackupFailed."""
    place = file if file.suffix == SUFFIX else file.with_name(file.name + SUFFIX)
    if backups and place.resolve().is_relative_to(backups.resolve()):
        raise BackupFailed("key", f"{place} lies in the backup folder; the key belongs elsewhere, with other people.")
    if not envelope.recipients:
        raise BackupFailed("no_recipients", "The audit key is saved encrypted only: set BACKUP_RECIPIENTS.")
    try:
        with place.open("xb") as target:
            envelope.close(Counted(io.BytesIO(settings.AUDIT_KEY.encode())), Counted(target))
    except OSError as error:
        raise BackupFailed("key", f"{place} cannot be written: {error}.") from error
    return place


def read(file: Path, identities: Sequence[Any]) -> str:
    """The key as `save` wrote it, or in clear as it lies in AUDIT_ROOT. Raises RestoreRefused."""
    found = io.BytesIO()
    try:
        open_into(file, found, identities)
        key = found.getvalue().decode().strip()
    except (OSError, UnicodeDecodeError, BackupDamaged) as error:
        raise RestoreRefused(f"{file} holds no audit key: {error}.") from error
    if not key:
        raise RestoreRefused(f"{file} holds no audit key: it is empty.")
    return key
