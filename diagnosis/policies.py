"""May this thing, now? Each rule raises a sentence, or answers with it: the tooltip of a disabled button."""

from __future__ import annotations

from diagnosis.errors import NotAllowedNow
from diagnosis.models import Analysis

ALREADY_OPEN = "This scan is already being analysed. Wait for the result or cancel it first."
ALREADY_FINISHED = "This analysis has already finished, so there is nothing to cancel."


def rerun_hindrance(latest: Analysis | None) -> str:
    """Why a new analysis may not start now; empty when it may."""
    return ALREADY_OPEN if latest and not latest.is_finished else ""


def require_rerunnable(latest: Analysis | None) -> None:
    if hindrance := rerun_hindrance(latest):
        raise NotAllowedNow("already_open", hindrance)


def cancel_hindrance(analysis: Analysis) -> str:
    """Why this analysis may not be cancelled now; empty when it may."""
    return ALREADY_FINISHED if analysis.is_finished else ""
