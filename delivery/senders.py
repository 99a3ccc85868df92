"""How a delivery of each kind is sent. Each way registers itself when its application is ready."""

from __future__ import annotations

from collections.abc import Callable

from delivery.models import Delivery, Kind


class Refused(Exception):
    """It ends here, until a person sends it once more.

    The reason is the receiver's own words, or a sentence that is marked with gettext_noop.
    """


class TryAgain(Exception):
    """Not now, for a reason that concerns this delivery alone."""


class Unreachable(TryAgain):
    """Nobody answers there: nothing else is tried at this destination for a while."""


class NotYet(Exception):
    """It must not leave yet: no failure, and not counted as a try.

    What waits for it should wake the outbox; it is looked at again after a while all the same.
    """


# Returns the receiver's answer. Raises the above; OSError counts as Unreachable. Must be able to run twice: whatever
# it gives the receiver carries identifiers made of the delivery's key, so that a repetition is known for one. It ends
# within seconds: the lease of the row lasts no longer than a Celery task may.
Sender = Callable[[Delivery], str]
SENDERS: dict[Kind, Sender] = {}
