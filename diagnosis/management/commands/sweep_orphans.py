"""Puts away files that no row names; the beat does the same every six hours."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from diagnosis.scans import orphans


class Command(BaseCommand):
    help = (
        "Delete files without a row that can be made again, and move originals without a row to set_aside/. "
        "Only files that are older than a day are looked at."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only list them")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        root = Path(settings.PRIVATE_ROOT)
        if not dry_run:
            self.stdout.write(f"{orphans.sweep(root)} files were put away.")
            return
        for _, file in orphans.orphans(root):
            self.stdout.write(str(file))
