"""What somebody who looks for a patient typed: names, a number, a part of it, and a birth date in any usual writing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from django.utils.dates import MONTHS, MONTHS_3
from django.utils.translation import override

_WRITINGS = (
    re.compile(r"(?<!\S)(?P<year>\d{4})-(?P<first>\d{1,2})-(?P<second>\d{1,2})(?!\S)"),
    re.compile(r"(?<!\S)(?P<second>\d{1,2})(?P<mark>[./])(?P<first>\d{1,2})(?P=mark)(?P<year>\d{4})(?!\S)"),
    re.compile(r"(?<!\S)(?P<second>\d{1,2})\.? (?P<month>[^\W\d]{3,})\.? (?P<year>\d{4})(?!\S)"),
)
_YEAR = re.compile(r"(18|19|20)\d\d$")


@dataclass(frozen=True)
class Sought:
    """One thing that must be there: `word` begins a word of the record, or the birth date lies in one of `days`.

    `days` are pairs of a first and a last day; either of the two may be empty.
    """

    word: str = ""
    days: tuple[tuple[date, date], ...] = ()


def read(text: str) -> list[Sought]:
    """`text` is folded, as search keys are. "last,first" is two words; a year may also begin a number."""
    text = " ".join(text.replace(",", " ").replace(";", " ").split())
    found: list[Sought] = []
    for writing in _WRITINGS:
        for match in writing.finditer(text):
            if days := tuple((day, day) for day in sorted(set(_days(match)))):
                # What has no blank may be a record number that looks like a date.
                found.append(Sought("" if " " in match[0] else match[0], days))
                text = text.replace(match[0], " ", 1)
    return [*found, *map(_word, text.split())]


def number_words(number: str) -> str:
    """The parts of a folded record number, for its search key: "mrn-0815" → "mrn0815 mrn 0815 815"; 90 letters."""
    parts = re.findall(r"[^\W\d_]+|\d+", number)
    bare = [part.lstrip("0") for part in parts if part.startswith("0")]
    words = ["".join(parts), *parts, *bare] if len(parts) > 1 or bare else []
    kept = [word for word in dict.fromkeys(words) if word and word != number]
    while len(" ".join(kept)) > 90:
        kept.pop()
    return " ".join(kept)


def _word(word: str) -> Sought:
    if not _YEAR.match(word):
        return Sought(word)
    return Sought(word, ((date(int(word), 1, 1), date(int(word), 12, 31)),))


def _days(match: re.Match[str]) -> Iterator[date]:
    named = match.groupdict()
    year, second = int(named["year"]), int(named["second"])
    months = _months(named["month"]) if "month" in named else [int(named["first"])]
    pairs = [(month, second) for month in months]
    if named.get("mark") == "/":  # 2/3/1970 is March here and February there
        pairs.append((second, months[0]))
    for month, day in pairs:
        with suppress(ValueError):
            yield date(year, month, day)


def _months(name: str) -> list[int]:
    """Whose name, in English or the active language, begins so."""
    written = [*_names(), *_names("en")]
    return sorted({number for number, month in written if month.startswith(name)})


def _names(language: str = "") -> list[tuple[int, str]]:
    from diagnosis.models.patient import fold  # noqa: PLC0415  # which imports this module

    def now() -> list[tuple[int, str]]:
        return [(number, fold(str(month))) for names in (MONTHS, MONTHS_3) for number, month in names.items()]

    if not language:
        return now()
    with override(language):
        return now()
