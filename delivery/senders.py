"""How a delivery of each kind is sent. Each way registers itself when its application is ready."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_noop

from delivery.models import Delivery, Kind

GONE = gettext_noop("It was cancelled, or its study was deleted, while it was being prepared.")


class NotDelivered(Exception):
    """The reason is a code, or a sentence that is marked with gettext_noop: it is kept for good, and names nobody.

    `words` are the receiver's own, which may name a patient. They go with the study.
    """

    def __init__(self, reason: str = "", *, words: str = "") -> None:
        super().__init__(reason)
        self.words = words


class Refused(NotDelivered):
    """It ends here, until a person sends it once more."""


class TryAgain(NotDelivered):
    """Not now, for a reason that concerns this delivery alone."""


class Unreachable(TryAgain):
    """Nobody answers there: nothing else is tried at this destination for a while."""


class NotYet(Exception):
    """It must not leave yet: no failure, and not counted as a try.

    What waits for it should wake the outbox; it is looked at again after a while all the same.
    """


# Returns the receiver's answer, without words of its own. Raises the above; anything else is logged and tried again.
# Must be able to run twice: whatever it gives the receiver carries identifiers made of the delivery's key, so that a
# repetition is known for one. It ends within seconds: the lease of the row lasts no longer than a Celery task may.
Sender = Callable[[Delivery], str]
SENDERS: dict[Kind, Sender] = {}
