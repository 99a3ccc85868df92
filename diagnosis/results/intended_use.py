"""What a result is and is not: one text for pages, reports and payloads, with its version.

Stored results and reports name the version that stood beside them, so the text may only change together with it.
"""

from django.utils.translation import gettext, gettext_noop

SENTENCE = gettext_noop(
    "Decision support, not a diagnosis: a classifier's probability never confirms or rules out a disease. "
    "A qualified clinician decides, and for COVID-19 a viral test is the specific test."
)
VERSION = "1.0"


def sentence() -> str:
    """In the active language. Reports are signed with the original, which stands beside its version."""
    return gettext(SENTENCE)
