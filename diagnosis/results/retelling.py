"""English sentences that were kept as text, told in the reader's language.

A signed report keeps its sentences in English, and so do the cards of classifiers. A sentence whose template is known
here is taken apart and filled into the translated template. Any other stays as it was kept, such as one whose wording
has changed since, or that came with imported weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from django.conf import settings
from django.utils.translation import get_language, gettext

_PLACE = re.compile(r"%\((?P<name>\w+)\)(?P<kind>[ds])|(?P<percent>%%)")
_MATCHES = {"d": r"\d+", "s": r".+"}


class _Pattern(NamedTuple):
    """`kinds`: the conversion of each named place, "d" or "s"."""

    template: str
    expression: re.Pattern[str]
    kinds: Mapping[str, str]

    @property
    def literal_length(self) -> int:
        return len(_PLACE.sub("", self.template))


class Retelling:
    """Tells what was made from one of `templates`, each English with named places of the kinds d and s.

    `value` gives what stands at a place of the kind s in the active language, from its name and the English text.
    """

    def __init__(self, templates: Iterable[str], *, value: Callable[[str, str], str] | None = None) -> None:
        self._templates = templates
        self._value = value or (lambda _name, text: text)

    def tell(self, kept: str) -> str:
        """`kept` in the active language; as it is where no template makes the whole of it."""
        # Whoever reads English is shown what was signed, character by character.
        if get_language() == settings.LANGUAGE_CODE:
            return kept
        for template, expression, kinds in self._patterns:
            if found := expression.fullmatch(kept):
                return gettext(template) % {
                    name: int(text) if kinds[name] == "d" else self._value(name, text)
                    for name, text in found.groupdict().items()
                }
        return kept

    @cached_property
    def _patterns(self) -> list[_Pattern]:
        """The most particular first: a sentence that two could have made is that of the one with more words."""
        patterns = [_pattern(template) for template in dict.fromkeys(self._templates)]
        return sorted(patterns, key=lambda one: one.literal_length, reverse=True)


def _pattern(template: str) -> _Pattern:
    parts, kinds, end = [], dict[str, str](), 0
    for place in _PLACE.finditer(template):
        parts.append(re.escape(template[end : place.start()]))
        parts.append(_expression(place, kinds))
        end = place.end()
    parts.append(re.escape(template[end:]))
    return _Pattern(template, re.compile("".join(parts), re.DOTALL), kinds)


def _expression(place: re.Match[str], kinds: dict[str, str]) -> str:
    """Notes the kind of a place that is new in `kinds`; one that is named again stands for the same."""
    if place["percent"]:
        return "%"
    name, kind = place["name"], place["kind"]
    if name in kinds:
        return f"(?P={name})"
    kinds[name] = kind
    return f"(?P<{name}>{_MATCHES[kind]})"
