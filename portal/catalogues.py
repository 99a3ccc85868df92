"""Reading and compiling the catalogues in locale/, and making the pseudo-locale. For developers: needs Babel."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings

from portal import product

DOMAINS = ("django", "djangojs")
PSEUDO = "en-pseudo"
# What a person must find untouched: placeholders of Python, templates and JavaScript, markup, character references.
KEPT = re.compile(r"(%\(\w+\)[#0 +-]*[\d.]*[a-z]|%[sdif%]|\{\w*\}|<[^>]*>|&#?\w+;|\n)")
ACCENTED = str.maketrans(
    "abcdeghijklnorstuwyzABCDEGHIJKLNORSTUWYZ",
    "åƀçđéĝĥîĵķļñöŕšţûŵýžÅɃÇĐÉĜĤÎĴĶĻÑÖŔŠŢÛŴÝŽ",
)
OPENING, CLOSING = "⟦", "⟧"
# Translations are about so much longer than English.
LONGER = 0.3
UNDATED = datetime(2000, 1, 1, tzinfo=UTC)

HEAD = """\
msgid ""
msgstr ""
"Project-Id-Version: {name}\\n"
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural}\\n"
"""


def languages() -> list[str]:
    """The codes whose catalogues are kept: all but the pseudo-locale, which is made where it is looked at."""
    return [code for code, _name in settings.LANGUAGES if code != PSEUDO]


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, domain=path.stem)


def compiled(catalog: Catalog) -> bytes:
    """The bytes of the .mo file. Unfinished (“fuzzy”) translations are left out."""
    # Babel writes the moment of the call into a catalogue without dates; the same sentences are to be the same bytes.
    catalog.creation_date = catalog.revision_date = UNDATED
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def compile(path: Path) -> Path:  # noqa: A001 - catalogues.compile
    """Write the .mo beside a .po."""
    target = path.with_suffix(".mo")
    target.write_bytes(compiled(read(path)))
    return target


def with_plain_head(path: Path) -> None:
    """Write the head anew: gettext's own has blanks to fill, and a date that would change the file each time."""
    language = path.parents[1].name
    entries = path.read_text().partition("\n\n")[2]
    head = HEAD.format(language=language, plural=read(path).plural_forms, name=product.NAME)
    path.write_text(f"{head}\n{entries}")


def message_keys(catalog: Catalog) -> set[tuple[str | None, tuple[str, ...]]]:
    """Context, and singular with plural, of every sentence."""
    return {(message.context, _forms(message.id)) for message in catalog if message.id}


def pseudo(sources: Iterable[Catalog]) -> Catalog:
    """Every sentence of `sources`, as a reader of a language that nobody speaks would see it."""
    made = Catalog(locale="en")
    for message in (message for source in sources for message in source if message.id):
        made.add(message.id, _pseudo_forms(message), context=message.context, flags=message.flags - {"fuzzy"})
    return made


def pseudo_text(text: str) -> str:
    """`text` with accents, longer and in brackets; placeholders and markup as they are.

    >>> pseudo_text("%(count)d <b>scans</b>")
    '⟦%(count)d <b>šçåñš</b> ~~⟧'
    """
    parts = KEPT.split(text)
    words = "".join(part if index % 2 else part.translate(ACCENTED) for index, part in enumerate(parts))
    letters = sum(len(part) for part in parts[::2])
    padding = "".join(_padding(math.ceil(letters * LONGER)))
    body = words.strip("\n")
    before, after = words[: len(words) - len(words.lstrip("\n"))], words[len(words.rstrip("\n")) :]
    return f"{before}{OPENING}{body}{padding}{CLOSING}{after}"


def _padding(length: int) -> Iterator[str]:
    """Words of up to seven marks, so that lines break as they would."""
    while length > 0:
        yield " " + "~" * min(length, 7)
        length -= 8


def _forms(message_id: str | Iterable[str]) -> tuple[str, ...]:
    return (message_id,) if isinstance(message_id, str) else tuple(message_id)


def _pseudo_forms(message: Message) -> str | tuple[str, ...]:
    if isinstance(message.id, str):
        return pseudo_text(message.id)
    return tuple(pseudo_text(form) for form in message.id)
