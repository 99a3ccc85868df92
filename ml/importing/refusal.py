"""Why a file cannot be imported."""

LONGEST = 1000


class ImportRefused(ValueError):
    """A file, or what was said about it, cannot be used; the message is a sentence for the importing person.

    It may name what stands in the file and goes to a terminal: nothing of it commands one, and it has an end.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__("".join(letter if letter.isprintable() else "?" for letter in sentence[:LONGEST]))


def require(holds: bool, sentence: str) -> None:
    """Raises ImportRefused with the sentence where something does not hold."""
    if not holds:
        raise ImportRefused(sentence)
