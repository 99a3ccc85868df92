"""Why a file cannot be imported."""


class ImportRefused(ValueError):
    """A legacy file, or what was said about it, cannot be used; the message is a sentence for the importing person."""
