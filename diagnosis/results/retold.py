"""What reports froze in English, in the language of whoever reads them."""

from __future__ import annotations

import re

from diagnosis import messages
from diagnosis.results import verdict
from diagnosis.results.retelling import Retelling

_OF_RESULTS = Retelling(
    (*messages.SENTENCES.values(), verdict.CANCELLED, verdict.NEVER_ASKED, verdict.DISAGREE, verdict.BETWEEN)
)
# Names of classifiers and versions have dots, too, but no space after one.
_ENDS = re.compile(r"(?<=\.) ")


def sentence(kept: str) -> str:
    """A sentence of a result or of why there is none; one that this version does not know stays in English."""
    return _OF_RESULTS.tell(kept)


def sentences(kept: str) -> str:
    """Several sentences that were kept one after the other, each by itself."""
    return " ".join(map(sentence, _ENDS.split(kept)))
