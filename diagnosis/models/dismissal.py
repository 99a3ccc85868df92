from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from diagnosis.models._base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.analysis import Analysis


class DismissalQuerySet(ClinicalQuerySet["Dismissal"]):
    clinic_path = "analysis__scan__clinic"

    def standing(self) -> DismissalQuerySet:
        """Not taken back."""
        return self.filter(undone_at=None)


class Dismissal(ClinicalModel):
    """A failed or cancelled analysis that needs no more attention, and why. The analysis itself stays as it is."""

    analysis = models.ForeignKey(Analysis, on_delete=models.PROTECT, related_name="dismissals")
    reason = models.CharField(max_length=400)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)

    objects = DismissalQuerySet.as_manager()

    class Meta:
        ordering = ["-made_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["analysis"], condition=Q(undone_at=None), name="one_standing_dismissal_per_analysis"
            ),
            models.CheckConstraint(
                condition=Q(undone_by=None, undone_at=None) | Q(undone_by__isnull=False, undone_at__isnull=False),
                name="dismissal_undone_who_and_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.analysis_id} set aside"
