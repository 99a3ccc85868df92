"""Person names as DICOM writes them: up to three groups, each Family^Given^Middle^Prefix^Suffix.

The groups are one name in three writings, divided by "=": alphabetic, ideographic and phonetic (PS3.5 6.2.1). Any of
them may be empty.
"""

import re
import unicodedata
from dataclasses import dataclass

_NOT_LETTERS = re.compile(r"[^\w]+", re.UNICODE)
_MOST_GROUPS = 3
# Kana, Han and Hangul: written without a comma, and often without a space between the names.
_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
# Marks that make another sound and so another name of a kana, unlike an accent.
_SOUND_MARKS = frozenset("\u3099\u309a")


def _folded(text: str) -> frozenset[str]:
    """Words of a name without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if c in _SOUND_MARKS or not unicodedata.combining(c))
    return frozenset(word for word in _NOT_LETTERS.split(unicodedata.normalize("NFC", plain)) if word)


@dataclass(frozen=True, slots=True)
class NameGroup:
    """A name in one writing."""

    family: str = ""
    given: str = ""
    middle: str = ""

    @classmethod
    def parse(cls, text: str) -> "NameGroup":
        parts = [part.strip() for part in text.split("^")] + ["", "", ""]
        return cls(family=parts[0], given=parts[1], middle=parts[2])

    @property
    def readable(self) -> str:
        first = " ".join(part for part in (self.given, self.middle) if part)
        between = " " if _EAST_ASIAN.search(self.family + first) else ", "
        return between.join(part for part in (self.family, first) if part)

    @property
    def has_words(self) -> bool:
        """Whether anything is left without punctuation, as in a name that a modality fills with stops or asterisks."""
        return bool(_folded(self.readable))

    def agrees_with(self, name: str) -> bool:
        """Could `name`, in any order of words, be the same person?

        Case, accents and punctuation are forgiven, and so are middle names that one side leaves out or shortens to an
        initial; middle names that differ are not. An unknown name on either side disagrees with nobody.
        """
        ours, theirs = _folded(self.readable), _folded(name)
        if not ours or not theirs:
            return True
        needed = _folded(f"{self.family} {self.given}")
        if needed <= theirs:
            return _compatible(ours - needed, theirs - needed)
        return (theirs <= ours and len(theirs) >= min(2, len(ours))) or self._is_run_together(name)

    def _is_run_together(self, name: str) -> bool:
        """Whether `name` differs in nothing but the space that such writings leave out."""
        ours, theirs = self.family + self.given, "".join(name.split())
        return bool(_EAST_ASIAN.search(ours)) and _folded("".join(ours.split())) == _folded(theirs)


@dataclass(frozen=True, slots=True)
class PersonName:
    """One name in the writings that the file has, in DICOM's order; those that are empty are left out."""

    groups: tuple[NameGroup, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "PersonName":
        groups = (NameGroup.parse(group) for group in text.split("=")[:_MOST_GROUPS])
        return cls(tuple(group for group in groups if group.readable))

    @property
    def readable(self) -> str:
        """The first writing, and the others behind it in brackets."""
        first, *others = [group.readable for group in self.groups] or [""]
        return f"{first} ({', '.join(others)})" if others else first

    def agrees_with(self, name: str) -> bool:
        """Could `name` be the same person in any of the writings? A name without any disagrees with nobody."""
        return not self.groups or any(group.agrees_with(name) for group in self.groups)


def _compatible(middle: frozenset[str], other: frozenset[str]) -> bool:
    """Whether one side's further names are all among the other's; an initial stands for every name it begins."""
    return _all_in(middle, other) or _all_in(other, middle)


def _all_in(words: frozenset[str], others: frozenset[str]) -> bool:
    return all(any(_same(word, other) for other in others) for word in words)


def _same(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    return short == long or (len(short) == 1 and long.startswith(short))
