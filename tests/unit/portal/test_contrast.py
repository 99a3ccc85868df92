"""The colours that are used together are far enough apart, in both themes (WCAG 2.2, 1.4.3 and 1.4.11, level AA)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[3] / "static" / "css"
TOKEN = re.compile(r"^\s*--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);$", re.MULTILINE)
TEXT, SHAPE = 4.5, 3.0

TONES = ["neutral", "info", "success", "warning", "danger", "positive", "indeterminate", "negative"]
GROUNDS = ["canvas", "surface", "surface-raised", "surface-sunken", "surface-hover"]
PAIRS = [
    *((ink, ground, TEXT) for ink in ("ink", "ink-muted", "accent") for ground in GROUNDS),
    *((ink, "accent-soft", TEXT) for ink in ("ink", "ink-muted", "accent", "accent-hover")),
    ("accent-hover", "canvas", TEXT),
    ("accent-hover", "surface", TEXT),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-hover", TEXT),
    ("danger-action", "surface", TEXT),
    ("danger-action", "canvas", TEXT),
    ("on-danger-action", "danger-action", TEXT),
    ("on-danger-action", "danger-action-hover", TEXT),
    ("on-lightbox", "lightbox", TEXT),
    ("image-mark", "image-ground", TEXT),
    ("on-image", "image-ground", SHAPE),
    *((tone, f"{tone}-soft", TEXT) for tone in TONES),
    *((tone, "surface", TEXT) for tone in TONES),
    *(("ink", f"{tone}-soft", TEXT) for tone in TONES),
    # The mark of an error: a letter in the surface's colour on a disc of danger.
    ("surface", "danger", TEXT),
    *(("focus", ground, SHAPE) for ground in (*GROUNDS, "lightbox")),
    *(("line-strong", ground, SHAPE) for ground in ("canvas", "surface", "surface-raised")),
    # Bars of probability and progress on their tracks.
    *((tone, "neutral-soft", SHAPE) for tone in ("neutral", "positive", "negative", "indeterminate", "accent")),
]


def tokens() -> dict[str, tuple[str, str]]:
    return {name: (light, dark) for name, light, dark in TOKEN.findall((CSS / "tokens.css").read_text())}


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, 0 to 1, as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_formula_gives_the_known_values() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize(("theme", "name"), [(0, "light"), (1, "dark")])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_contrast(front: str, back: str, least: float, theme: int, name: str) -> None:
    found = tokens()
    measured = contrast(found[front][theme], found[back][theme])
    assert measured >= least, f"{front} on {back} in the {name} theme: {measured:.2f}"


def test_every_colour_is_measured() -> None:
    measured = {name for pair in PAIRS for name in pair[:2]}
    decorative = {"line", *(f"{tone}-line" for tone in TONES)}
    picture = {name for name in tokens() if name.startswith("art-")}
    # Black and grey on white, whatever the theme of the screen; the black of a QR code is its picture.
    paper = {"print-ink", "print-line", "code-ground"}
    assert set(tokens()) - decorative - picture - paper == measured


def test_every_colour_of_the_tokens_has_both_themes() -> None:
    lines = [line for line in (CSS / "tokens.css").read_text().splitlines() if re.search(r":.*#[0-9a-f]{3,8}", line)]
    assert [line for line in lines if not TOKEN.match(line)] == []


def test_the_administration_has_the_accent_of_the_tokens() -> None:
    said_again = {name: (light, dark) for name, light, dark in TOKEN.findall((CSS / "admin.css").read_text())}
    assert said_again == {"accent": tokens()["accent"]}
