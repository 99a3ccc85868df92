"""Fonts of the printed report: DejaVu Sans for most scripts, the system's for those that it does not hold."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PIL import ImageFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
# Where Debian's packages put them: fonts-droid-fallback, fonts-nanum, fonts-lohit-deva, fonts-noto-core.
SYSTEM = tuple(
    Path("/usr/share/fonts/truetype") / name
    for name in (
        "droid/DroidSansFallbackFull.ttf",
        "nanum/NanumGothic.ttf",
        "lohit-devanagari/Lohit-Devanagari.ttf",
        "noto/NotoSansDevanagari-Regular.ttf",
        "noto/NotoSansThai-Regular.ttf",
    )
)


@cache
def files() -> dict[str, Path]:
    """The file of every font by its name, registered for embedding, in the order in which they are tried."""
    found = {name: FONTS / f"{name}.ttf" for name in (REGULAR, BOLD)}
    for name, path in found.items():
        pdfmetrics.registerFont(TTFont(name, path))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    return found | {path.stem: path for path in SYSTEM if _registered(path)}


def _registered(path: Path) -> bool:
    try:
        pdfmetrics.registerFont(TTFont(path.stem, path))
    except (OSError, TTFError):
        return False
    return True


def font_of(character: str, first: str) -> str:
    """The name of a font that holds a character, `first` if it does; "" where none here does."""
    if character.isspace():
        return first
    names = (first, *(name for name in files() if name not in (REGULAR, BOLD)))
    return next((name for name in names if _holds(name, character)), "")


def drawing_font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font for drawing `size` pixels high with the letters joined and turned round as their script wants it."""
    return ImageFont.truetype(str(files()[name]), size, layout_engine=ImageFont.Layout.RAQM)


def needs_shaping(character: str) -> bool:
    """Whether letters next to one another would be wrong: Hebrew and Arabic run from the right, others join.

    Blocks of The Unicode Standard, 16.0: Hebrew to Myanmar, Khmer, and the presentation forms of the first two.
    """
    code = ord(character)
    return 0x0590 <= code <= 0x109F or 0x1780 <= code <= 0x17FF or 0xFB1D <= code <= 0xFDFF or 0xFE70 <= code <= 0xFEFC


def _holds(name: str, character: str) -> bool:
    font = pdfmetrics.getFont(name)
    return isinstance(font, TTFont) and ord(character) in font.face.charToGlyph
