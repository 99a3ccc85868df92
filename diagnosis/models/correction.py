from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Clinic
from diagnosis.models._base import ClinicalModel, ClinicalQuerySet


class CorrectionKind(models.TextChoices):
    MOVE_SCAN = "move_scan", "Scan moved to another patient"
    MERGE_PATIENTS = "merge", "Two patients merged"


class CorrectionQuerySet(ClinicalQuerySet["Correction"]):
    def standing(self) -> CorrectionQuerySet:
        """Not undone."""
        return self.filter(undone_at=None)


class Correction(ClinicalModel):
    """A scan or a whole record that was with the wrong patient, and where it went. Can be undone, never erased."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="corrections")
    kind = models.CharField(max_length=9, choices=CorrectionKind.choices)
    source = models.ForeignKey("diagnosis.Patient", on_delete=models.PROTECT, related_name="corrections_from")
    target = models.ForeignKey("diagnosis.Patient", on_delete=models.PROTECT, related_name="corrections_to")
    scans = models.JSONField(help_text="keys of the scans that moved")
    reason = models.CharField(max_length=400)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)

    objects = CorrectionQuerySet.as_manager()

    class Meta:
        ordering = ["-made_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(undone_by=None, undone_at=None) | Q(undone_by__isnull=False, undone_at__isnull=False),
                name="correction_undone_who_and_when",
            ),
            models.CheckConstraint(condition=~Q(source=models.F("target")), name="correction_between_two_patients"),
        ]

    @property
    def moved(self) -> list[uuid.UUID]:
        """Of the scans that moved."""
        return [uuid.UUID(key) for key in self.scans]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.source} → {self.target}"
