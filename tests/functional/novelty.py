"""Which pages a browser still has to open: what a page says before its scripts run, and what they find on it.

A text or an element that is there for one role only is new, wherever it stands. So is what has another attribute.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable
from html.parser import HTMLParser

SPOKEN = ("title", "placeholder", "alt", "label", "value")
# Keys, times and counts are others in each world.
CHANGING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b(?=\w*\d)\w{16,}\b|\d+")
RANDOM = {"csrfmiddlewaretoken"}


class Novelty:
    """Remembers what was walked through. A page is a name and a row: what its scripts fetch may differ with the row."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.elements: defaultdict[Hashable, set[str]] = defaultdict(set)

    def is_new(self, page: Hashable, parts: Parts) -> bool:
        """Whether there is a text that no page had, or an element that this one did not have."""
        return not (parts.texts <= self.texts and parts.elements <= self.elements[page])

    def remember(self, page: Hashable, parts: Parts) -> None:
        self.texts |= parts.texts
        self.elements[page] |= parts.elements


class Parts(HTMLParser):
    """Of a page's HTML: `texts`, in scripts and attributes too, and `elements` with the names of their attributes.

    The names in `data` are left out of the texts.
    """

    def __init__(self, html: str, data: Iterable[str]) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self.elements: set[str] = set()
        self._data = sorted({name for name in data if name}, key=len, reverse=True)
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        source = given.get("src", "") if tag == "script" else ""
        self.elements.add(f"{tag} {' '.join(sorted(given))} {source}")
        if given.get("name") in RANDOM:
            return
        for name, value in given.items():
            if name in SPOKEN or name.startswith(("aria-", "data-")):
                self.handle_data(value)

    def handle_data(self, data: str) -> None:
        for name in self._data:
            data = data.replace(name, "")
        self.texts.add(CHANGING.sub("0", " ".join(data.split())))
