"""Restore a backup into an empty place, and compare what is there then with what was saved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.backup import audit_key, restoring
from portal.backup.comparing import Comparison
from portal.backup.envelope import identities_in
from portal.backup.errors import BackupDamaged, BackupFailed, RestoreRefused

NOT_PROVEN = (
    "This is not the audit key of the backup, so neither the audit trail nor the seals of signed reports can be "
    "proven. Put the right key in its place before the portal starts: --audit-key FILE, or AUDIT_KEY."
)


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="backup folder")
        parser.add_argument("--identity", type=Path, help="file with the secret key")
        parser.add_argument("--backup", default="", help="its name, as `backup --list` tells it (the newest)")
        parser.add_argument("--audit-key", type=Path, metavar="FILE", help="the audit key, which is kept apart")

    def handle(self, *args: Any, folder: Path, identity: Path | None, backup: str, **options: Any) -> None:
        os.umask(0o077)
        try:
            identities = identities_in(identity) if identity else []
            key = audit_key.read(options["audit_key"], identities) if options["audit_key"] else ""
            found = restoring.restore(root=folder, identities=identities, name=backup, audit_key=key)
        except RestoreRefused as refused:
            raise CommandError(str(refused)) from refused
        except (BackupFailed, BackupDamaged) as error:
            raise CommandError(f"Not restored: {error} Empty the place before you try again.") from error
        self._print(found)

    def _print(self, found: Comparison) -> None:
        width = max(len(line.what) for line in found.lines)
        for line in found.lines:
            mark = "" if line.is_equal else "   DIFFERENT"
            self.stdout.write(f"{line.what:<{width}}  {line.saved:>12}  {line.restored}{mark}")
        for note in found.notes:
            self.stderr.write(note)
        if not found.is_proven:
            self.stderr.write(NOT_PROVEN)
        if found.first_difference:
            raise CommandError(f"Restored, not equal: {found.first_difference}")
        self.stdout.write("Restored and equal" if found.is_proven else "Restored and equal; seals not proven")
