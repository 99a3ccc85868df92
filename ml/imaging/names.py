"""Person names as DICOM writes them: Family^Given^Middle^Prefix^Suffix."""

import re
import unicodedata
from dataclasses import dataclass

_NOT_LETTERS = re.compile(r"[^\w]+", re.UNICODE)


def _folded(text: str) -> frozenset[str]:
    """Words of a name without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return frozenset(word for word in _NOT_LETTERS.split(plain) if word)


@dataclass(frozen=True, slots=True)
class PersonName:
    family: str = ""
    given: str = ""
    middle: str = ""

    @classmethod
    def parse(cls, text: str) -> "PersonName":
        """Read the first (alphabetic) group of a DICOM person name."""
        alphabetic = text.split("=", 1)[0]
        parts = [part.strip() for part in alphabetic.split("^")] + ["", "", ""]
        return cls(family=parts[0], given=parts[1], middle=parts[2])

    @property
    def readable(self) -> str:
        first = " ".join(part for part in (self.given, self.middle) if part)
        return ", ".join(part for part in (self.family, first) if part)

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
        return theirs <= ours and len(theirs) >= min(2, len(ours))


def _compatible(middle: frozenset[str], other: frozenset[str]) -> bool:
    """Whether one side's further names are all among the other's; an initial stands for every name it begins."""
    return _all_in(middle, other) or _all_in(other, middle)


def _all_in(words: frozenset[str], others: frozenset[str]) -> bool:
    return all(any(_same(word, other) for other in others) for word in words)


def _same(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    return short == long or (len(short) == 1 and long.startswith(short))
