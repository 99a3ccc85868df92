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

        Case, accents, punctuation and missing middle names are forgiven; an unknown
        name on either side disagrees with nobody.
        """
        ours, theirs = _folded(self.readable), _folded(name)
        if not ours or not theirs:
            return True
        needed = _folded(f"{self.family} {self.given}")
        return needed <= theirs or (theirs <= ours and len(theirs) >= min(2, len(ours)))
