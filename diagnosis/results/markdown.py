"""The part of Markdown in which model cards are written, as plain values for a template: nothing of it is HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

_HEADING = re.compile(r"(#{1,4}) +(.+)")
_BULLET = re.compile(r"[-*] +(.+)")
_RULE = re.compile(r"\|?[ :|-]+\|?")
_SPAN = re.compile(r"\*\*(.+?)\*\*|`(.+?)`")


@dataclass(frozen=True)
class Span:
    """A run of text; `kind` is text, strong or code."""

    kind: str
    text: str


Line = tuple[Span, ...]


@dataclass(frozen=True)
class Block:
    """`kind` is heading (with `level` 1 to 4), paragraph, list (an item a row) or table (its first row is the head)."""

    kind: str
    rows: tuple[tuple[Line, ...], ...]
    level: int = 0


def blocks(text: str) -> list[Block]:
    """The blocks of a card in order. What is not known to be Markdown stays text."""
    parts = groupby(text.splitlines(), key=lambda line: bool(line.strip()))
    return [block for filled, lines in parts if filled for block in _blocks(list(lines))]


def _blocks(lines: list[str]) -> Iterator[Block]:
    """Of neighbouring lines without a blank one between them."""
    for kind, group in groupby(lines, key=_kind):
        found = list(group)
        if kind == "heading":
            yield from map(_heading, found)
        elif kind == "list":
            yield Block(kind, tuple((_spans(_item(line)),) for line in found))
        elif kind == "table":
            yield Block(kind, tuple(_cells(line) for line in found if not _RULE.fullmatch(line.strip())))
        else:
            yield Block(kind, ((_spans(" ".join(line.strip() for line in found)),),))


def _kind(line: str) -> str:
    if _HEADING.fullmatch(line):
        return "heading"
    if _BULLET.fullmatch(line):
        return "list"
    return "table" if line.startswith("|") else "paragraph"


def _heading(line: str) -> Block:
    found = _HEADING.fullmatch(line)
    assert found
    return Block("heading", ((_spans(found[2]),),), len(found[1]))


def _item(line: str) -> str:
    found = _BULLET.fullmatch(line)
    assert found
    return found[1]


def _cells(line: str) -> tuple[Line, ...]:
    return tuple(_spans(cell.strip()) for cell in line.strip().strip("|").split("|"))


def _spans(text: str) -> Line:
    found: list[Span] = []
    end = 0
    for match in _SPAN.finditer(text):
        found.append(Span("text", text[end : match.start()]))
        found.append(Span("strong", match[1]) if match[1] else Span("code", match[2]))
        end = match.end()
    found.append(Span("text", text[end:]))
    return tuple(span for span in found if span.text)
