"""Back up the database and the files, encrypted, while the portal runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.backup import audit_key, making, reading
from portal.backup.envelope import Envelope, identities_in, new_key
from portal.backup.errors import BackupDamaged, BackupFailed, RestoreRefused
from portal.backup.store import Store


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, default=settings.BACKUP_ROOT, help="backup folder (BACKUP_ROOT)")
        parser.add_argument(
            "--recipient",
            action="append",
            help="public key (age1…) that can open it; may be repeated (BACKUP_RECIPIENTS)",
        )
        parser.add_argument("--unencrypted", action="store_true", help="readable for whoever gets the folder")
        parser.add_argument(
            "--keep", type=int, default=settings.BACKUP_KEEP, help="remove all but the newest so many; 0: none"
        )
        parser.add_argument("--gentle", action="store_true", help="let everything else on this machine go first")
        others = parser.add_mutually_exclusive_group()
        others.add_argument("--list", action="store_true", help="name the backups in the folder")
        others.add_argument("--verify", action="store_true", help="read the newest back and compare every hash")
        others.add_argument("--new-key", type=Path, metavar="FILE", help="write a new secret key to FILE")
        others.add_argument(
            "--audit-key", type=Path, metavar="FILE", help="write the audit key, encrypted, to FILE outside the folder"
        )
        parser.add_argument("--identity", type=Path, help="file with the secret key, for --verify")

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)
        try:
            self._act(**options)
        except (BackupFailed, BackupDamaged, RestoreRefused) as error:
            raise CommandError(str(error)) from error

    def _act(self, **options: Any) -> None:
        if options["new_key"]:
            self._new_key(options["new_key"])
        elif options["audit_key"]:
            self._audit_key(options)
        elif not options["to"]:
            raise BackupFailed("place", "There is no backup folder: set BACKUP_ROOT or name one, --to FOLDER.")
        elif options["list"]:
            self.stdout.write("\n".join(Store(options["to"]).backups()))
        elif options["verify"]:
            self._verify(options["to"], options["identity"])
        else:
            self._make(options)

    def _new_key(self, file: Path) -> None:
        public = new_key(file)
        self.stdout.write(f"BACKUP_RECIPIENTS={public}")
        self.stderr.write(
            f"{file} holds the secret key that opens the backups. Move it off this machine, keep two copies, and set "
            "BACKUP_RECIPIENTS to the line above. Without the secret key no backup can be read."
        )

    def _audit_key(self, options: dict[str, Any]) -> None:
        place = audit_key.save(options["audit_key"], Envelope.to(_recipients(options)), backups=options["to"])
        self.stdout.write(f"The audit key is in {place}. Keep it apart from the backups.")

    def _verify(self, root: Path, identity: Path | None) -> None:
        found = reading.read_back(Store(root), "", identities_in(identity) if identity else [])
        self.stdout.write(f"Read back and whole: {found.name}, {found.files} files, {found.size} bytes")

    def _make(self, options: dict[str, Any]) -> None:
        if options["gentle"]:
            os.nice(10)
        encrypt = not options["unencrypted"]
        made = making.make(
            root=options["to"], recipients=_recipients(options), encrypt=encrypt, keep=max(options["keep"], 0)
        )
        for what, paths in {"missing": made.missing, "altered": made.altered}.items():
            if paths:
                self.stderr.write(f"{len(paths)} files that rows name are {what}, for example {paths[0]}.")
        if made.not_removed:
            self.stderr.write(f"The backup is whole, and older ones could not be removed: {made.not_removed}")
        self.stdout.write(
            f"{made.name}: {made.files} files, {made.read_bytes} bytes read and stored now"
            + (f", {made.removed} objects of older backups removed" if made.removed else "")
        )


def _recipients(options: dict[str, Any]) -> list[str]:
    return options["recipient"] or settings.BACKUP_RECIPIENTS
