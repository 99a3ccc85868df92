"""Mistakes in styles that no browser reports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[3] / "static" / "css"
SHEETS = sorted(CSS.glob("*.css"))
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# Set by pages of their own accord, or by Django's admin.
ELSEWHERE: set[str] = set()


def rules(sheet: Path) -> str:
    return COMMENT.sub("", sheet.read_text())


def declared() -> set[str]:
    return {name for sheet in SHEETS for name in re.findall(r"(--[\w-]+)\s*:", rules(sheet))}


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_no_variable_is_misspelt(sheet: Path) -> None:
    used = set(re.findall(r"var\((--[\w-]+)\)", rules(sheet)))  # those with a fallback may be absent
    assert used - declared() - ELSEWHERE == set()


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_braces_are_closed(sheet: Path) -> None:
    text = rules(sheet)
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_nothing_comes_from_elsewhere(sheet: Path) -> None:
    assert re.findall(r"url\(|@import|https?:", rules(sheet)) == []
