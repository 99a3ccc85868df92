"""The one error of this package that a person may read."""

from functools import partial

from ml.imaging.sentences import SENTENCES
from ml.messages import fill


class ImageRefused(Exception):
    """A file was not accepted.

    `code` is a stable kebab-case word for tests, logs and counters, a key of SENTENCES; `params` fill its template, and
    their `variant` chooses among several. `sentence` says in English what happened and what to do. Raises KeyError
    where the code is unknown or a value is missing.
    """

    def __init__(self, code: str, /, **params: str | int | float) -> None:
        super().__init__(code)
        self.code = code
        self.params = params
        self.sentence = fill(SENTENCES, code, params)

    def __reduce__(self) -> tuple[object, ...]:
        """So that it can be pickled with its parameters."""
        return partial(type(self), self.code, **self.params), ()

    def __str__(self) -> str:
        return self.sentence
