"""The one error of this package that a person may read."""


class ImageRefused(Exception):
    """A file was not accepted.

    `code` is a stable kebab-case word for tests, logs and counters; `sentence` says
    what happened and what to do, and is shown as it is.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)  # both arguments, so that it can be pickled
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence
