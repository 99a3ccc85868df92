"""Mistakes in styles that no browser reports."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import django.contrib.admin
import pytest

ROOT = Path(__file__).resolve().parents[3]
CSS = ROOT / "static" / "css"
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


# --- nothing that nobody uses ------------------------------------------------------------------------------
# admin.css dresses Django's own pages.
ADMIN = Path(django.contrib.admin.__file__).parent
SOURCES = [
    *(ROOT / name for name in ("templates", "static/js", "portal", "orders", "delivery", "dicomweb", "network")),
    *(ROOT / name for name in ("accounts", "audit", "diagnosis")),
    ADMIN / "templates",
]
# Where a template, a script or Python puts a name together: pill-{{ tone }}, sv-button-${action.show}, f"tone-{zone}"
COMPOSED = re.compile(r"([a-z][\w-]*-)(?=\{\{|\{%|\$\{|\{\w|%s)")


@cache
def sources() -> str:
    paths = [path for folder in SOURCES for path in folder.rglob("*") if path.suffix in {".html", ".js", ".py", ".svg"}]
    return "\n".join(path.read_text() for path in paths)


@cache
def words() -> tuple[set[str], set[str]]:
    """All words of the sources, and the beginnings of names that are put together there."""
    return set(re.findall(r"[A-Za-z_][\w-]*", sources())), set(COMPOSED.findall(sources()))


def classes(sheet: Path) -> set[str]:
    selectors = re.sub(r"\{[^{}]*\}", "{}", rules(sheet))
    return set(re.findall(r"\.([A-Za-z_][\w-]*)", selectors))


def is_used(name: str) -> bool:
    whole, beginnings = words()
    parts = name.split("-")
    return name in whole or any("-".join(parts[:count]) + "-" in beginnings for count in range(1, len(parts)))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_class_is_used_somewhere(sheet: Path) -> None:
    assert {name for name in classes(sheet) if not is_used(name)} == set()


def test_every_token_is_used_somewhere() -> None:
    every = "\n".join(
        [*map(rules, SHEETS), *(path.read_text() for path in (ADMIN / "static").rglob("*.css")), sources()]
    )
    assert {name for name in declared() if not re.search(rf"var\(\s*{name}\b(?!-)", every)} == set()


# --- every colour has a name -------------------------------------------------------------------------------
# admin.css repeats one token, whose name Django's own sheet takes.
COLOUR = re.compile(
    r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch|color)a?\(|:[^;]*(?<![\w-])(?:white|black|grey|gray|red)(?![\w-])"
)


@pytest.mark.parametrize(
    "sheet", [sheet for sheet in SHEETS if sheet.name not in {"tokens.css", "admin.css"}], ids=lambda sheet: sheet.name
)
def test_colours_stand_among_the_tokens(sheet: Path) -> None:
    assert COLOUR.findall(rules(sheet)) == []
