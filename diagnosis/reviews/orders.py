"""The orders in which a person may look at the queue. Cases are given out in the first one, whichever is looked at.

None is by the classifiers' result: that would be the triage which their cards forbid, and which a clinic turns on only
for all of its readers (see `queue`).
"""

from __future__ import annotations

from enum import StrEnum

from django.db.models import F
from django.db.models.functions import Coalesce

from diagnosis import keyset
from diagnosis.models import Review
from diagnosis.models.review import ReviewQuerySet


class Order(StrEnum):
    DUE = ""
    PATIENT = "patient"
    PATIENT_BACKWARDS = "-patient"
    EXAMINED = "examined"
    EXAMINED_NEWEST = "-examined"
    WAITING = "waiting"
    WAITING_SHORTEST = "-waiting"


# Every one ends with the key, so that a page behind a case begins at one place.
_FIELDS: dict[str, tuple[str, ...]] = {
    "": ("due_at", "pk"),
    "patient": ("of_family", "of_given", "of_number", "pk"),
    "examined": ("taken", "pk"),
    "waiting": ("waiting_since", "pk"),
}


def page(reviews: ReviewQuerySet, order: Order, *, size: int, mark: str, among: ReviewQuerySet) -> keyset.Page[Review]:
    """The page of `size` cases behind the one that `mark` names; the first where none of `among` is named."""
    return keyset.page_or_first(
        _keyed(reviews), order=_fields(order), size=size, mark=mark, among=_keyed(among), keys_first=bool(order)
    )


def _fields(order: Order) -> tuple[str, ...]:
    """One comparison of rows needs one direction: turned round, all of them are."""
    fields = _FIELDS[order.removeprefix("-")]
    return tuple(f"-{name}" for name in fields) if order.startswith("-") else fields


def _keyed(reviews: ReviewQuerySet) -> ReviewQuerySet:
    """With what lies in other tables; what no order asks for costs nothing to speak of."""
    return reviews.annotate(
        of_family=F("study__patient__family_name"),
        of_given=F("study__patient__given_name"),
        of_number=F("study__patient__medical_record_number"),
        taken=Coalesce("study__examined_at", "study__received_at"),
    )
