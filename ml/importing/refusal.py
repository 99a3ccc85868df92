"""Why a file cannot be imported."""


class ImportRefused(ValueError):
    """A file, or what was said about it, cannot be used; the message is a sentence for the importing person."""


def require(holds: bool, sentence: str) -> None:
    """Raises ImportRefused with the sentence where something does not hold."""
    if not holds:
        raise ImportRefused(sentence)
