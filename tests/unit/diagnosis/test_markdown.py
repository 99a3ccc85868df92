"""Model cards as pages: what Markdown they hold becomes structure, and everything else stays text."""

from __future__ import annotations

from diagnosis.analyses.classifiers import installed_specs
from diagnosis.results import cards, markdown
from diagnosis.results.markdown import Span, blocks

CARD = """# tiny-cxr 1.0.0

A **small** network with `code`
over two lines.

- one
- two <b>
| label | AUC |
|---|:-:|
| covid | 0.9 |
"""


def words(block: markdown.Block) -> list[list[str]]:
    return [["".join(span.text for span in line) for line in row] for row in block.rows]


def test_every_kind_of_block_is_found() -> None:
    heading, paragraph, bullets, table = blocks(CARD)
    assert (heading.kind, heading.level, words(heading)) == ("heading", 1, [["tiny-cxr 1.0.0"]])
    assert words(paragraph) == [["A small network with code over two lines."]]
    assert paragraph.rows[0][0][1:4] == (Span("strong", "small"), Span("text", " network with "), Span("code", "code"))
    assert (bullets.kind, words(bullets)) == ("list", [["one"], ["two <b>"]])
    assert (table.kind, words(table)) == ("table", [["label", "AUC"], ["covid", "0.9"]])


def test_no_word_of_a_shipped_card_is_lost() -> None:
    for spec in installed_specs():
        text = cards.text(spec.identity)
        assert text
        shown = " ".join(word for block in blocks(text) for row in words(block) for word in row).split()
        for word in text.replace("**", "").replace("`", "").split():
            assert word in shown or not any(map(str.isalnum, word)), word


def test_no_address_leads_out_of_the_folder() -> None:
    for identity in ("../1.0.0", "densenet121-cxr/..", "densenet121-cxr/1.0.0/../..", "densenet121-cxr", ""):
        assert cards.text(identity) is None
        assert cards.url(identity) == ""
