"""What stands in the place of a patient, and how the same patient always gets the same."""

from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """`name` takes the place of name and number. `seed` is secret, of one patient and purpose, and decides identifiers
    and the span by which dates are shifted. `places` (keyword of a UID → any text) serves where a file has no UID.
    """

    name: str
    seed: str
    places: dict[str, str]

    def as_note(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_note(cls, note: dict[str, Any]) -> Self:
        return cls(**note)
