"""Colours and paragraph styles of the printed report."""

from __future__ import annotations

from functools import cache

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm

from diagnosis.reports.pdf.fonts import BOLD, REGULAR, files

INK, MUTED, LINE, TINT, WARN = (HexColor(c) for c in ("#16202a", "#566472", "#c5ced6", "#eef3f6", "#9a3412"))
MARGIN = 18 * mm


@cache
def styles() -> dict[str, ParagraphStyle]:
    """The styles by name. The radiologist's words are the largest, the classifiers' numbers the smallest."""
    files()
    body = ParagraphStyle("body", fontName=REGULAR, fontSize=9, leading=12.5, textColor=INK)
    return {
        "body": body,
        "status": ParagraphStyle("status", body, fontName=BOLD, fontSize=10, alignment=TA_RIGHT),
        "patient": ParagraphStyle("patient", body, fontName=BOLD, fontSize=12, leading=15),
        "words": ParagraphStyle("words", body, fontSize=10.5, leading=14.5),
        "impression": ParagraphStyle("impression", body, fontName=BOLD, fontSize=12, leading=16),
        "title": ParagraphStyle("title", body, fontName=BOLD, fontSize=15, leading=19),
        "heading": ParagraphStyle(
            "heading", body, fontName=BOLD, fontSize=9, leading=12, spaceBefore=8, textColor=MUTED
        ),
        "signature": ParagraphStyle("signature", body, fontName=BOLD, fontSize=10, leading=14),
        "label": ParagraphStyle("label", body, fontSize=7.5, leading=12.5, textColor=MUTED),
        "clinic": ParagraphStyle("clinic", body, fontName=BOLD, fontSize=11, leading=14),
        "small": ParagraphStyle("small", body, fontSize=7, leading=9.2),
        "tiny": ParagraphStyle("tiny", body, fontSize=6.4, leading=8),
        "muted": ParagraphStyle("muted", body, fontSize=7, leading=9.2, textColor=MUTED),
        "caution": ParagraphStyle("caution", body, fontName=BOLD, fontSize=8, leading=10.5, textColor=WARN),
        "warning": ParagraphStyle("warning", body, fontName=BOLD, fontSize=9.5, leading=13, textColor=WARN),
    }
