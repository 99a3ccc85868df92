"""Fields that a phrase leaves to be filled in, such as "[side]" or "[size] mm"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# A letter first, so that "[3]" and "[ ]" are a reader's own. static/js/reading/blanks.js looks for the same.
BLANK = re.compile(r"\[[^\W\d_][^\[\]\n]{0,39}\]")
# Where phrases go. An indication is the referrer's words, brackets and all.
FILLED_IN = ("technique", "comparison", "findings", "impression")


def first_blank(text: str) -> str:
    """The first field that is still to be filled in, with its brackets; empty where there is none."""
    found = BLANK.search(text)
    return found[0] if found else ""


def unfilled(words: Mapping[str, Any]) -> dict[str, str]:
    """By section, the first field of it that is still to be filled in."""
    blanks = {name: first_blank(str(words.get(name) or "")) for name in FILLED_IN}
    return {name: blank for name, blank in blanks.items() if blank}
