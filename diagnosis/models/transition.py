from __future__ import annotations

from django.db import models

from diagnosis.models.state_machine import TransitionRow
from diagnosis.states import AnalysisStatus


class Transition(TransitionRow):
    """One move of one analysis."""

    analysis = models.ForeignKey("diagnosis.Analysis", on_delete=models.CASCADE, related_name="transitions")

    @property
    def target_label(self) -> str:
        """The state that it led to, in the active language."""
        return str(AnalysisStatus(self.target).label)


class ReviewTransition(TransitionRow):
    """One move of one review."""

    review = models.ForeignKey("diagnosis.Review", on_delete=models.CASCADE, related_name="transitions")


class ReportTransition(TransitionRow):
    """One move of one report."""

    report = models.ForeignKey("diagnosis.Report", on_delete=models.CASCADE, related_name="transitions")
