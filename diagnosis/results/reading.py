"""Where a study stands with its readers, in words: who has read it, and what became of the classifiers' result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext, gettext_noop

from diagnosis import formats
from diagnosis.models import Report, Review
from diagnosis.models.review import Decision
from diagnosis.rules.blinding import READING_HIDDEN
from diagnosis.states import ReviewStatus

NOT_READ = gettext_noop("Not yet read by a radiologist")
BEING_READ = gettext_noop("Being read by a radiologist; no report yet")
LONGEST_LINE = 160


class State(StrEnum):
    UNREAD = "unread"
    BEING_READ = "being_read"
    PRELIMINARY = "preliminary"
    FINAL = "final"
    HIDDEN = "hidden"


@dataclass(frozen=True)
class Reading:
    """`sentence` says where the reading stands, `category` and `impression` (its first line) what the reader found, and
    `stand` what they made of the classifiers' result; the last three are empty where there is no report to be seen.
    """

    state: State
    sentence: str
    category: str = ""
    impression: str = ""
    stand: str = ""
    report: Report | None = None

    @property
    def is_final(self) -> bool:
        return self.state is State.FINAL


def reading(report: Report | None, *, hidden: bool = False, being_read: bool = False) -> Reading:
    """`hidden`: the person may not know the reading yet. Uses `review.reader` of the report."""
    if hidden:
        return Reading(State.HIDDEN, gettext(READING_HIDDEN))
    if report is None:
        return (
            Reading(State.BEING_READ, gettext(BEING_READ)) if being_read else Reading(State.UNREAD, gettext(NOT_READ))
        )
    return Reading(
        State.FINAL if report.is_final else State.PRELIMINARY,
        _signed(report),
        str(report.get_category_display()),
        first_line(report.impression),
        stand(report.reading),
        report,
    )


def being_read_among(studies: Iterable[UUID]) -> frozenset[UUID]:
    """Those of the keys that a reader holds now; one query for a whole list, none for an empty one."""
    keys = set(studies)
    held = Review.objects.filter(study__in=keys, status=ReviewStatus.CLAIMED)
    return frozenset(held.values_list("study", flat=True) if keys else ())


def stand(review: Review) -> str:
    """What the reader made of the classifiers' result."""
    if review.decision == Decision.OVERRIDE:
        return gettext("Computer's result overridden by %(reader)s: %(reason)s") % {
            "reader": review.reader,
            "reason": review.because,
        }
    if review.decision == Decision.AGREE:
        return gettext("%(reader)s agrees with the computer's result") % {"reader": review.reader}
    return gettext("Read without a result of the computer")


def first_line(text: str) -> str:
    """The first line that is not empty, cut where a list has no room for more."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1].rstrip()}…"


def _signed(report: Report) -> str:
    if report.signed_at is None:
        return gettext("Preliminary report by %(reader)s, not signed: %(category)s. %(impression)s") % {
            "reader": report.reading.reader,
            "category": report.get_category_display(),
            "impression": first_line(report.impression),
        }
    return gettext("Final report, signed by %(reader)s on %(day)s") % {
        "reader": report.signer_name,
        "day": formats.day(report.signed_at),
    }
