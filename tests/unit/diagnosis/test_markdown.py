"""Model cards as pages: what Markdown they hold becomes structure, and everything else stays text."""

from __future__ import annotations

import re
from html import unescape

from diagnosis.analyses.classifiers import ensembles, installed_specs
from diagnosis.results import cards
from diagnosis.results.markdown import render

CARD = """# tiny-cxr 1.0.0

A **small** network with `code`
over two lines.

- one
- two <b>

| label | AUC |
|---|:-:|
| covid | 0.9 |
"""


def test_every_kind_of_block_is_found() -> None:
    html = " ".join(render(CARD).split())
    for part in (
        "<h1>tiny-cxr 1.0.0</h1>",
        "<p>A <strong>small</strong> network with <code>code</code> over two lines.</p>",
        "<ul> <li>one</li> <li>two &lt;b&gt;</li> </ul>",
        '<div class="table-wrap"><table class="table table-dense"> <thead> <tr> <th scope="col">label</th>',
        "<td>covid</td> <td>0.9</td>",
    ):
        assert part in html


def test_nothing_in_a_card_acts() -> None:
    """Cards come with imported networks: no markup of theirs, no address and no picture reaches the page."""
    html = render(
        "<script>alert(1)</script>\n\n[read](javascript:alert(1)) ![x](https://example.org/x.png) <https://example.org>"
    )
    assert "&lt;script&gt;" in html
    assert not re.search(r"<(?:script|a|img)\b|\sstyle=|\shref=|\ssrc=", html)


def test_no_word_of_a_shipped_card_is_lost() -> None:
    identities = [spec.identity for spec in (*installed_specs(), *ensembles())]
    assert identities
    for identity in identities:
        text = cards.text(identity)
        assert text
        shown = re.sub(r"<[^>]+>", " ", re.sub(r"</?(?:strong|code)>", "", render(text)))
        for word in text.replace("**", "").replace("`", "").split():
            assert word in unescape(shown) or not any(map(str.isalnum, word)), word


def test_no_address_leads_out_of_the_folder() -> None:
    for identity in ("../1.0.0", "densenet121-cxr/..", "densenet121-cxr/1.0.0/../..", "densenet121-cxr", ""):
        assert cards.text(identity) is None
        assert cards.url(identity) == ""
