"""Draws the table of states as a Mermaid diagram into docs/states.md."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from diagnosis.states import FINISHED, MOVES


def drawing() -> str:
    lines = ["    [*] --> queued: a scan is uploaded, retried or run again"]
    lines += [f"    {source} --> {target}: {why}" for source, moves in MOVES.items() for target, why in moves.items()]
    lines += [f"    {status} --> [*]" for status in FINISHED]
    diagram = "\n".join(lines)
    return f"# States of an analysis\n\nDrawn by `manage.py draw_states`.\n\n```mermaid\nstateDiagram-v2\n{diagram}\n```\n"


class Command(BaseCommand):
    help = "Draw the states of an analysis into docs/states.md; --check only compares."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail when the drawing is stale")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "states.md"
        if not check:
            path.write_text(drawing())
        elif not path.exists() or path.read_text() != drawing():
            raise CommandError("docs/states.md is stale; run manage.py draw_states.")
