"""What holds for every template, whoever wrote it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
PAGES = sorted(path for path in TEMPLATES.rglob("*") if path.suffix in {".html", ".svg"})
TAG = re.compile(r"\{%.*?%\}")
COMMENT = re.compile(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}|<!--.*?-->", re.DOTALL)


def markup(path: Path) -> str:
    return COMMENT.sub("", path.read_text())


def name(path: Path) -> str:
    return str(path.relative_to(TEMPLATES))


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_nothing_that_the_content_policy_blocks(path: Path) -> None:
    """No inline style, script or handler: the browser would drop it without a word to the person."""
    # A tag's own arguments are no attributes: {% include … with one=two %}.
    text = TAG.sub("", markup(path))
    found = re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)[^>]*>", text, re.IGNORECASE)
    assert found == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    found = re.findall(r"""(?:src|href|action)=["']?(?:https?:)?//[^"'\s>]*""", markup(path), re.IGNORECASE)
    assert found == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_form_that_changes_something_carries_its_token(path: Path) -> None:
    for form in re.findall(r"<form\b.*?</form>", markup(path), re.DOTALL):
        if re.search(r"""method=["']?post""", form, re.IGNORECASE):
            assert "{% csrf_token %}" in form


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_included_icon_exists(path: Path) -> None:
    for icon in re.findall(r"""["'](_icons/[\w-]+\.svg)["']""", markup(path)):
        assert (TEMPLATES / icon).exists(), icon


@pytest.mark.parametrize(
    "tone",
    [
        *("neutral", "info", "success", "warning", "danger", "positive", "indeterminate", "negative"),
        *("queued", "running", "succeeded", "failed", "cancelled"),
    ],
)
def test_every_tone_has_an_icon_of_its_own(tone: str) -> None:
    """State and zone are never told by colour alone."""
    assert (TEMPLATES / "_icons" / f"{tone}.svg").exists()


def test_the_zones_differ_in_shape() -> None:
    shapes = {(TEMPLATES / "_icons" / f"{zone}.svg").read_text() for zone in ("positive", "indeterminate", "negative")}
    assert len(shapes) == 3
