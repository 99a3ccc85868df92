from __future__ import annotations

from django.db import models

from diagnosis.states import AnalysisStatus


class Transition(models.Model):
    """One move of one analysis: what happened, when, and who did it. Written once, never changed."""

    analysis = models.ForeignKey("diagnosis.Analysis", on_delete=models.CASCADE, related_name="transitions")
    source = models.CharField(max_length=9, choices=AnalysisStatus.choices, blank=True)
    target = models.CharField(max_length=9, choices=AnalysisStatus.choices)
    at = models.DateTimeField(auto_now_add=True)
    # Text, so that the row outlives the account or worker it names.
    by = models.CharField(max_length=160)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.source or 'new'} → {self.target}"
