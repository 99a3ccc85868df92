"""The picture in docs/architecture.md: the rooms of the code and which imports which, drawn from the imports.

A room of `diagnosis` is a child of the package. A room of `ml` is a package in it; its single modules count as `ml`.
`portal`, `accounts` and `audit` are one room each.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

from tools.generated import ROOT, Part

PACKAGES = ("portal", "orders", "delivery", "dicomweb", "fhir", "network", "accounts", "audit", "diagnosis", "ml")
# Django's own corners, and the command lines: they would only lengthen the picture.
LEFT_OUT = {"migrations", "management", "apps", "__main__", "command"}

Imports = dict[str, set[str]]


class RoomsCircular(Exception):
    """Rooms import each other in a circle; the message names them."""


class RoomUndescribed(Exception):
    """A room does not say what belongs in it; the message names it."""


def room(module: str) -> str | None:
    """The room of a dotted module name; None if the module is left out of the picture."""
    top, *below = module.split(".")
    if LEFT_OUT & set(below):
        return None
    if top == "diagnosis" and not below:
        return None
    is_room = below and (top == "diagnosis" or (top == "ml" and (ROOT / top / below[0]).is_dir()))
    return f"{top}.{below[0]}" if is_room else top


def imports() -> Imports:
    """For each room, the rooms that it imports, those reached through others included."""
    graph = grimp.build_graph(*PACKAGES)
    found: Imports = {}
    for module in graph.modules:
        if here := room(module):
            there = {room(name) for name in graph.find_modules_directly_imported_by(module)}
            found.setdefault(here, set()).update(name for name in there if name and name != here)
    return found


def from_the_top(rooms: Imports) -> list[str]:
    """The rooms, each before those that it imports. Raises RoomsCircular."""
    try:
        return list(TopologicalSorter({name: sorted(rooms[name]) for name in sorted(rooms)}).static_order())[::-1]
    except CycleError as circle:
        raise RoomsCircular(" imports ".join(circle.args[1])) from circle


def shortest(rooms: Imports) -> Imports:
    """The arrows that remain when each that follows from two others is left out."""
    reached: Imports = {}
    for name in reversed(from_the_top(rooms)):
        reached[name] = rooms[name].union(*(reached[other] for other in rooms[name]))
    return {name: direct - set().union(*(reached[other] for other in direct)) for name, direct in rooms.items()}


def purpose(name: str) -> str:
    """The first line of the room's docstring. Raises RoomUndescribed."""
    path = ROOT / name.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text()))
    if not text:
        raise RoomUndescribed(f"{file.relative_to(ROOT)} needs a docstring that says what belongs there.")
    return text.split("\n\n")[0].replace("\n", " ").strip()


def draw() -> str:
    rooms = imports()
    return "\n".join(
        ["```mermaid", "flowchart TD", *_nodes(from_the_top(rooms)), *_arrows(rooms), "```", "", *_table(rooms)]
    )


def _nodes(order: list[str]) -> Iterator[str]:
    for package in PACKAGES:
        inside = [name for name in order if name.split(".")[0] == package]
        if len(inside) == 1:
            yield f'    {package}["{package}"]'
            continue
        yield f"    subgraph in_{package} [{package}]"
        yield from (f'        {_id(name)}["{name.partition(".")[2] or f"{name}: single modules"}"]' for name in inside)
        yield "    end"


def _arrows(rooms: Imports) -> Iterator[str]:
    short = shortest(rooms)
    for name in from_the_top(rooms):
        yield from (f"    {_id(name)} --> {_id(other)}" for other in sorted(short[name]))


def _id(name: str) -> str:
    return name.replace(".", "_")


def _table(rooms: Imports) -> Iterator[str]:
    yield "| Room | What belongs in it |"
    yield "| --- | --- |"
    for name in sorted(from_the_top(rooms), key=lambda name: PACKAGES.index(name.split(".")[0])):
        yield f"| [`{name}`](../{_file(name)}) | {purpose(name)} |"


def _file(name: str) -> str:
    path = Path(name.replace(".", "/"))
    return f"{path}/" if (ROOT / path).is_dir() else f"{path}.py"


PART = Part(ROOT / "docs" / "architecture.md", "<!-- rooms: written by make docs -->", "<!-- end of rooms -->", draw)
