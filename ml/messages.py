"""Sentences that people read: marked for translation here, translated by whoever shows them."""

from collections.abc import Mapping

# What a template is filled with. Plain values, so that they can be stored and sent as JSON.
Params = Mapping[str, str | int | float]


def gettext_noop(message: str) -> str:
    """Mark `message` for the translators' catalogue and return it as it is."""
    return message


def sentence_key(code: str, params: Params) -> str:
    """The key of a code's template in a table: the code, and after a slash its `variant` where it has several."""
    return f"{code}/{params['variant']}" if "variant" in params else code


def fill(sentences: Mapping[str, str], code: str, params: Params) -> str:
    """The English sentence of a code. Raises KeyError where the table lacks the code, or `params` a value."""
    return sentences[sentence_key(code, params)] % params
