"""Fonts, colours and paragraph styles of the printed report."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
INK, MUTED, LINE, TINT, WARN = (HexColor(c) for c in ("#16202a", "#566472", "#c5ced6", "#eef3f6", "#9a3412"))
MARGIN = 18 * mm


@cache
def styles() -> dict[str, ParagraphStyle]:
    """The styles by name. Embeds DejaVu Sans, because names are not Latin-1 only."""
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, FONTS / f"{name}.ttf"))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    body = ParagraphStyle("body", fontName=REGULAR, fontSize=9.5, leading=14, textColor=INK)
    return {
        "body": body,
        "title": ParagraphStyle("title", body, fontName=BOLD, fontSize=16, leading=20),
        "heading": ParagraphStyle("heading", body, fontName=BOLD, fontSize=10.5, spaceBefore=9, spaceAfter=2),
        "label": ParagraphStyle("label", body, fontSize=8, leading=11, textColor=MUTED),
        "small": ParagraphStyle("small", body, fontSize=7.5, leading=10.5),
        "muted": ParagraphStyle("muted", body, fontSize=7.5, leading=10.5, textColor=MUTED),
        "warning": ParagraphStyle("warning", body, fontName=BOLD, fontSize=10, leading=14, textColor=WARN),
    }
