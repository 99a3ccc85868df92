"""The states of things and the tables of moves between them. `manage.py draw_states` draws them into docs/states.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _

# For each state, the states that may follow and what leads there.
Moves = Mapping[StrEnum, Mapping[StrEnum, str]]


class AnalysisStatus(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Finished")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


_A = AnalysisStatus
ANALYSIS_MOVES: Moves = {
    _A.QUEUED: {
        _A.RUNNING: "a worker claims it",
        _A.CANCELLED: "a person cancels it",
    },
    _A.RUNNING: {
        _A.SUCCEEDED: "every classifier answered",
        _A.FAILED: "the gate refused the image, it could not be finished, or it lost too many workers",
        _A.QUEUED: "its worker was lost",
        _A.CANCELLED: "a person cancels it",
    },
    _A.SUCCEEDED: {},
    _A.FAILED: {},
    _A.CANCELLED: {},
}


class ReviewStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    CLAIMED = "claimed", _("Being read")
    DECIDED = "decided", _("Read")
    WITHDRAWN = "withdrawn", _("Withdrawn")


_R = ReviewStatus
REVIEW_MOVES: Moves = {
    _R.WAITING: {
        _R.CLAIMED: "a reader takes it",
        _R.WITHDRAWN: "it is no longer wanted",
    },
    _R.CLAIMED: {
        _R.DECIDED: "the reader decides",
        _R.WAITING: "the reader gives it back, or the lease ends",
        _R.WITHDRAWN: "it is no longer wanted",
    },
    _R.DECIDED: {},
    _R.WITHDRAWN: {_R.WAITING: "it is wanted after all"},
}


class ReportStatus(models.TextChoices):
    PRELIMINARY = "preliminary", _("Preliminary")
    FINAL = "final", _("Final")


_P = ReportStatus
# A final report never moves again: an addendum stands beside it, and the database refuses every change of its row.
REPORT_MOVES: Moves = {
    _P.PRELIMINARY: {_P.FINAL: "a radiologist signs it"},
    _P.FINAL: {},
}


class ReportStanding(models.TextChoices):
    """What a report is worth today: its state, and what was signed beside it since."""

    PRELIMINARY = "preliminary", _("Preliminary")
    HANDED_OVER = "handed-over", _("Preliminary, waiting for authorisation")
    FINAL = "final", _("Final")
    APPENDED = "appended", _("Final, with an addendum")
    CORRECTED = "corrected", _("Final, corrected")
    SUPERSEDED = "superseded", _("Replaced by a corrected report")
    ENTERED_IN_ERROR = "entered-in-error", _("Entered in error")


@dataclass(frozen=True)
class StandingElsewhere:
    """The same in DICOM SR (PS3.3 C.17.2), in FHIR R4 (DiagnosticReport.status) and in an ORU message of HL7 v2.

    Once VERIFIED, the Verifying Observer Sequence (0040,A073) names who signed, and the Author Observer Sequence
    (0040,A078) who drafted; in FHIR these are Composition.attester (mode `legal`) and Composition.author.
    `predecessor`: the SR document names the one before it in its Predecessor Documents Sequence (0040,A360).
    """

    completion: str  # Completion Flag (0040,A491)
    verification: str  # Verification Flag (0040,A493)
    preliminary: str  # Preliminary Flag (0040,A496)
    fhir: str
    order: str  # OBR-25, result status: HL7 table 0123
    observation: str  # OBX-11, observation result status: HL7 table 0085
    predecessor: bool = False
    rejected: bool = False  # a Key Object Selection, title 113037 DCM, rejects it: SR has no flag of its own


_T = ReportStanding
# Superseded versions stay final as documents; FHIR keeps them as earlier versions of the corrected resource, and no
# message tells of them: the one with the corrected version replaces what was sent. HL7 v2 has no code for an addendum:
# a receiver that is told F a second time may keep the first text, so both are sent as a correction.
STANDING_ELSEWHERE: Mapping[ReportStanding, StandingElsewhere] = {
    _T.PRELIMINARY: StandingElsewhere("COMPLETE", "UNVERIFIED", "PRELIMINARY", "preliminary", "P", "P"),
    # Handing over verifies nothing: to whoever receives it, it is what it was before.
    _T.HANDED_OVER: StandingElsewhere("COMPLETE", "UNVERIFIED", "PRELIMINARY", "preliminary", "P", "P"),
    _T.FINAL: StandingElsewhere("COMPLETE", "VERIFIED", "FINAL", "final", "F", "F"),
    _T.APPENDED: StandingElsewhere("COMPLETE", "VERIFIED", "FINAL", "appended", "C", "C", predecessor=True),
    _T.CORRECTED: StandingElsewhere("COMPLETE", "VERIFIED", "FINAL", "corrected", "C", "C", predecessor=True),
    _T.SUPERSEDED: StandingElsewhere("COMPLETE", "VERIFIED", "FINAL", "final", "F", "F"),
    _T.ENTERED_IN_ERROR: StandingElsewhere(
        "COMPLETE", "VERIFIED", "FINAL", "entered-in-error", "X", "W", rejected=True
    ),
}

MACHINES: dict[str, Moves] = {"Analysis": ANALYSIS_MOVES, "Review": REVIEW_MOVES, "Report": REPORT_MOVES}


def ends(moves: Moves) -> tuple[StrEnum, ...]:
    """The states that nothing follows."""
    return tuple(status for status, following in moves.items() if not following)


def open_ones(moves: Moves) -> tuple[StrEnum, ...]:
    """The states that something follows."""
    return tuple(status for status, following in moves.items() if following)


class ForbiddenMove(Exception):
    """A move that the table does not know: a defect in the calling code, never a person's mistake."""


def check_move(moves: Moves, source: StrEnum, target: StrEnum) -> None:
    if target not in moves[source]:
        raise ForbiddenMove(f"{source} → {target}")
