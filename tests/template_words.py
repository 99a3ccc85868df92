"""Finds in templates what `make check` refuses: long lines, and words that no translator will ever see.

    python -m tests.template_words templates/account templates/base.html

A heuristic, on the safe side: it reads the text between tags, the attributes that people see or hear, and the literals
that templates hand to each other. What must stay as it is in every language (a product's name, a header of HTTP) says
so with translate="no", or stands in <code> or <kbd>.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from django.template.base import DebugLexer, Token, TokenType

LONGEST_LINE = 120
# Attributes that are shown or read out.
SPOKEN = {
    *("title", "placeholder", "alt", "label", "summary"),
    *("aria-label", "aria-description", "aria-roledescription", "aria-valuetext"),
    *("data-label", "data-key-label", "data-name", "data-title", "data-confirm"),
}
SILENT_ELEMENTS = {"script", "style", "code", "kbd", "samp"}
VOID_ELEMENTS = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"),
}
UNREAD = {
    "comment": "endcomment",
    "verbatim": "endverbatim",
    "blocktranslate": "endblocktranslate",
    "blocktrans": "endblocktrans",
}
# Filled with classes of CSS, not with words.
UNREAD_PARTS = {"block body_class", "block bodyclass", "block coltype"}
# Literals that end in names of classes and fields.
NAMES = {"files", "info", "neutral", "signed-in,signed-out"}
WORD = re.compile(r"[^\W\d_]{2,}")
# `title="Nothing here"`, `default:"never"`, `nav_item "view" "About"`: literals that end on the page.
GIVEN = re.compile(
    r"""\b(?:title|text|label2?|here|action|hint|heading|note|caption|summary|sentence)=(?P<given>"[^"]*"|'[^']*')"""
)
FALLBACK = re.compile(r"""\|(?:default|default_if_none|yesno|pluralize):(?P<given>"[^"]*"|'[^']*')""")
PLURAL = re.compile(r"\|pluralize\b(?!:)")


class Finding(NamedTuple):
    path: Path
    line: int
    words: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.words}"


def findings(path: Path) -> Iterator[Finding]:
    source = path.read_text()
    for number, line in enumerate(source.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            yield Finding(path, number, f"line of {len(line)} characters")
    tokens = list(_read(source))
    for token in tokens:
        for words in _literals(token):
            yield Finding(path, token.lineno, f"not translated: {words}")
    markup = "".join(map(_markup, tokens))
    for number, words in _spoken(markup) if path.suffix == ".html" else _plain(markup):
        yield Finding(path, number, f"not translated: {words}")


def _read(source: str) -> Iterator[Token]:
    """The tokens of a template; those of comments and translated blocks only as the lines that they take."""
    until = ""
    for token in DebugLexer(source).tokenize():
        name = token.contents.split()[0] if token.token_type == TokenType.BLOCK and token.contents else ""
        if until:
            until = "" if name == until else until
            yield _blank(token)
        elif name in UNREAD or token.contents in UNREAD_PARTS:
            until = UNREAD.get(name, "endblock")
            yield _blank(token)
        else:
            yield token


def _blank(token: Token) -> Token:
    return Token(TokenType.COMMENT, token.contents, token.position, token.lineno)


def _markup(token: Token) -> str:
    """What of `token` is HTML; of the others the line breaks remain, so that numbers of lines stay true."""
    return token.contents if token.token_type == TokenType.TEXT else "\n" * token.contents.count("\n")


def _literals(token: Token) -> Iterator[str]:
    """Words that a tag or filter puts on the page without asking for a translation."""
    if token.token_type not in (TokenType.BLOCK, TokenType.VAR):
        return
    found = [match["given"] for match in (*GIVEN.finditer(token.contents), *FALLBACK.finditer(token.contents))]
    yield from (words for words in found if WORD.search(words) and words[1:-1] not in NAMES)
    if PLURAL.search(token.contents):
        yield "|pluralize builds English plurals only: use {% blocktranslate count %}"
    name, *rest = token.split_contents() or [""]
    if name == "nav_item":
        yield from (words for words in rest[1:2] if words[0] in "\"'")


def _plain(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if WORD.search(line):
            yield number, line.strip()


def _spoken(markup: str) -> list[tuple[int, str]]:
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    """Collects the words that a browser would show or read out. Branches may leave elements open; it forgives them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self._open: list[tuple[str, bool]] = []

    @property
    def _silent(self) -> bool:
        return any(silent for _name, silent in self._open)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        silent = tag in SILENT_ELEMENTS or given.get("translate") == "no"
        spoken = SPOKEN | ({"value"} if given.get("type") in {"submit", "button", "reset"} else set())
        for name, value in given.items():
            if name in spoken and value and not silent and not self._silent and WORD.search(value):
                self.found.append((self.getpos()[0], f'{name}="{value}"'))
        if tag not in VOID_ELEMENTS:
            self._open.append((tag, silent))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        names = [name for name, _silent in self._open]
        if tag in names:
            del self._open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        first = self.getpos()[0]
        for number, line in enumerate(data.splitlines(), start=first):
            if WORD.search(line):
                self.found.append((number, line.strip()))


def templates(given: list[Path]) -> Iterator[Path]:
    for path in given:
        yield from (
            sorted(one for one in path.rglob("*") if one.suffix in {".html", ".txt"}) if path.is_dir() else [path]
        )


def main(arguments: list[str]) -> int:
    found = [finding for path in templates([Path(one) for one in arguments]) for finding in findings(path)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
