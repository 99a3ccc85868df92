"""What is said of an analysis that has not ended yet."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def queue_place(ahead: int | None) -> str:
    """How many analyses wait in front of one that waits itself; empty where `ahead` is None."""
    if ahead is None:
        return ""
    if ahead == 0:
        return _("It is next in the queue.")
    return ngettext(
        "%(count)d analysis is ahead of it in the queue.", "%(count)d analyses are ahead of it in the queue.", ahead
    ) % {"count": ahead}
