"""Model cards as HTML. Raw HTML in a card stays text, and no address in it becomes a link."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from functools import cache
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict


def render(text: str) -> SafeString:
    """The HTML of a card, with the classes that our tables have and nothing that the content policy would block."""
    return mark_safe(_parser().render(text))  # noqa: S308  html=False escapes whatever is no Markdown


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink"])
    for name, rule in {
        "table_open": _open_table,
        "table_close": _close_table,
        "th_open": _open_cell,
        "td_open": _open_cell,
    }.items():
        parser.add_render_rule(name, rule)
    return parser


Tokens = Sequence[Token]


def _open_table(
    renderer: RendererHTML, tokens: Tokens, index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    return '<div class="table-wrap"><table class="table table-dense">\n'


def _close_table(
    renderer: RendererHTML, tokens: Tokens, index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    return "</table></div>\n"


def _open_cell(
    renderer: RendererHTML, tokens: Tokens, index: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    # The parser writes the alignment of a column as an inline style, which the content policy refuses.
    return '<th scope="col">' if tokens[index].tag == "th" else "<td>"
