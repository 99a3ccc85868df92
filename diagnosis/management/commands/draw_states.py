"""Draws the tables of states as Mermaid diagrams into docs/states.md."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from diagnosis.states import MACHINES, Moves, ends


def drawing() -> str:
    parts = [f"## {name}\n\n```mermaid\nstateDiagram-v2\n{_diagram(moves)}\n```\n" for name, moves in MACHINES.items()]
    return "\n".join(["# States\n\nDrawn by `manage.py draw_states`.\n", *parts])


def _diagram(moves: Moves) -> str:
    lines = [f"    [*] --> {next(iter(moves))}"]
    lines += [
        f"    {source} --> {target}: {why}" for source, following in moves.items() for target, why in following.items()
    ]
    lines += [f"    {status} --> [*]" for status in ends(moves)]
    return "\n".join(lines)


class Command(BaseCommand):
    help = "Draw the states into docs/states.md; --check only compares."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail when the drawing is stale")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "states.md"
        if not check:
            path.write_text(drawing())
        elif not path.exists() or path.read_text() != drawing():
            raise CommandError("docs/states.md is stale; run manage.py draw_states.")
