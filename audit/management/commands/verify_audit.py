"""Is the audit trail whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import anchor
from audit.verify import verify


class Command(BaseCommand):
    help = "Check every link of the audit trail and the anchors outside the database; name the first broken link."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchors", type=Path, help="a copy of the anchors kept elsewhere, one JSON line each (AUDIT_ROOT's own)"
        )

    def handle(self, *args: Any, anchors: Path | None, **options: Any) -> None:
        if anchors and not anchors.exists():
            raise CommandError(f"There is no file {anchors}.")
        try:
            found = verify(anchors_file=anchors)
        except anchor.AnchorsBroken as broken:
            raise CommandError(f"The anchors are broken: {broken}.") from broken
        for fault in sorted(found.faults, key=lambda fault: fault.near):
            self.stderr.write(str(fault))
        if found.first:
            raise CommandError(f"The audit trail is broken. First: {found.first}")
        if not found.anchors:
            self.stderr.write("There is no anchor: entries removed from the end of a chain would not be missed.")
        self.stdout.write(f"whole: {found.entries} entries in {found.chains} chains, {found.anchors} anchors")
