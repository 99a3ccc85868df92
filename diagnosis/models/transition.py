from __future__ import annotations

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from diagnosis.models.state_machine import TransitionRow
from diagnosis.states import AnalysisStatus


class Transition(TransitionRow):
    """One move of one analysis."""

    analysis = models.ForeignKey("diagnosis.Analysis", on_delete=models.CASCADE, related_name="transitions")

    class Meta(TransitionRow.Meta):
        verbose_name = _("step")
        verbose_name_plural = _("steps")

    def __str__(self) -> str:
        return f"{self.source_label} → {self.target_label}"

    @property
    def source_label(self) -> str:
        """The state before it, in the active language; new where the analysis began."""
        return str(AnalysisStatus(self.source).label) if self.source else gettext("new")

    @property
    def target_label(self) -> str:
        """The state that it led to, in the active language."""
        return str(AnalysisStatus(self.target).label)


class ReviewTransition(TransitionRow):
    """One move of one review."""

    review = models.ForeignKey("diagnosis.Review", on_delete=models.CASCADE, related_name="transitions")

    class Meta(TransitionRow.Meta):
        verbose_name = _("step of a review")
        verbose_name_plural = _("steps of a review")


class ReportTransition(TransitionRow):
    """One move of one report."""

    report = models.ForeignKey("diagnosis.Report", on_delete=models.CASCADE, related_name="transitions")

    class Meta(TransitionRow.Meta):
        verbose_name = _("step of a report")
        verbose_name_plural = _("steps of a report")
