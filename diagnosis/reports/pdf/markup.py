"""Any script as a paragraph's markup: most as text, what has to be shaped as a picture, what no font holds as a box.

reportlab places letters one after another from the left. Pillow's layout engine (Raqm) joins and turns them, so that
a name in Arabic, Hebrew or Devanagari is drawn by it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from io import BytesIO
from itertools import groupby
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, features
from reportlab import rl_config

from diagnosis.reports.pdf.fonts import drawing_font, files, font_of, needs_shaping

# Dots a point: 288 an inch.
SCALE = 4
MISSING = "\ufffd"
# In kinds of characters: from one that must be shaped to the last that is not behind other letters.
SHAPED = re.compile("s(?:[sn]*s)?")
# reportlab reads a picture from its own address (data:) only where some host is trusted. Nothing is fetched.
rl_config.trustedHosts, rl_config.trustedSchemes = ["localhost"], ["data"]


def marked_up(text: str, *, font: str, size: float, colour: str, width: float) -> str:
    """`text` as markup for a paragraph of `width` points in `font`, `size` points high and `colour` (#rrggbb)."""
    files()
    return "<br/>".join(_line(line, font, size, colour, width) for line in text.split("\n"))


def cannot_print(text: str, *, font: str) -> bool:
    """Whether a character of `text` can only be printed as a box."""
    files()
    return any(not _drawable(character, font) for character in text if not character.isspace())


def _drawable(character: str, font: str) -> bool:
    return bool(font_of(character, font)) and (not needs_shaping(character) or bool(features.check("raqm")))


def _line(line: str, font: str, size: float, colour: str, width: float) -> str:
    parts = []
    for shaped, words in _stretches(line):
        # Half of one and half of another would be read in the wrong order: each is nearly as wide as the paragraph.
        pieces = _wrapped(words, font, size, width * 0.95) if shaped and features.check("raqm") else []
        parts.append("<br/>".join(_picture(piece, font, size, colour) for piece in pieces) or _text(words, font))
    return "".join(parts)


def _stretches(line: str) -> Iterator[tuple[bool, str]]:
    """What must be shaped, with the spaces and marks between its words, apart from what need not."""
    start = 0
    for found in SHAPED.finditer("".join(map(_kind, line))):
        yield from ((False, line[start : found.start()]), (True, line[found.start() : found.end()]))
        start = found.end()
    yield False, line[start:]


def _kind(character: str) -> str:
    """s for what must be shaped, n for what belongs to the words around it, l for other letters and digits."""
    return "s" if needs_shaping(character) else "l" if character.isalnum() else "n"


def _text(words: str, font: str) -> str:
    found = groupby(words, key=lambda character: font_of(character, font) if not needs_shaping(character) else "")
    return "".join(_named(name, "".join(characters), font) for name, characters in found)


def _named(name: str, words: str, font: str) -> str:
    if not name:
        return MISSING * len(words)
    return escape(words) if name == font else f'<font name="{name}">{escape(words)}</font>'


def _wrapped(words: str, font: str, size: float, width: float) -> list[str]:
    """Lines of at most `width` points; a single word may be longer."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _length(longer, font, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _length(words: str, font: str, size: float) -> float:
    return drawing_font(_holder(words, font), round(size * SCALE)).getlength(words) / SCALE


def _holder(words: str, font: str) -> str:
    """The font that holds the first letter that has to be shaped."""
    return next(filter(None, (font_of(one, font) for one in words if needs_shaping(one))), font)


def _picture(words: str, font: str, size: float, colour: str) -> str:
    pixels = round(size * SCALE)
    drawn_with = drawing_font(_holder(words, font), pixels)
    ascent, descent = drawn_with.getmetrics()
    picture = Image.new("RGBA", (max(1, round(drawn_with.getlength(words))), ascent + descent))
    ImageDraw.Draw(picture).text((0, 0), words, font=drawn_with, fill=colour)
    file = BytesIO()
    picture.save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    width, height = picture.width / SCALE, picture.height / SCALE
    return f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" valign="{-descent / SCALE}"/>'
