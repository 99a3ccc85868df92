"""The states of an analysis and the one table of moves between them. `manage.py draw_states` draws it."""

from django.db import models


class AnalysisStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Finished"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


_S = AnalysisStatus

MOVES: dict[AnalysisStatus, dict[AnalysisStatus, str]] = {
    _S.QUEUED: {
        _S.RUNNING: "a worker claims it",
        _S.CANCELLED: "a person cancels it",
    },
    _S.RUNNING: {
        _S.SUCCEEDED: "every classifier answered",
        _S.FAILED: "it could not be finished, or lost too many workers",
        _S.QUEUED: "its worker was lost",
        _S.CANCELLED: "a person cancels it",
    },
    _S.SUCCEEDED: {},
    _S.FAILED: {},
    _S.CANCELLED: {},
}

FINISHED = tuple(status for status, moves in MOVES.items() if not moves)
OPEN = tuple(status for status, moves in MOVES.items() if moves)


class ForbiddenMove(Exception):
    """A move that the table does not know: a defect in the calling code, never a person's mistake."""


def check_move(source: AnalysisStatus, target: AnalysisStatus) -> None:
    if target not in MOVES[source]:
        raise ForbiddenMove(f"{source} → {target}")
