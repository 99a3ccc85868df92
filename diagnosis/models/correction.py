from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from diagnosis.models.undoable import Undoable, UndoableQuerySet


class CorrectionKind(models.TextChoices):
    MOVE_SCAN = "move_scan", _("Scan moved to another patient")
    MERGE_PATIENTS = "merge", _("Two patients merged")


class CorrectionQuerySet(UndoableQuerySet["Correction"]):
    pass


class Correction(Undoable):
    """A scan or a whole record that was with the wrong patient, and where it went. Can be undone, never erased."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="corrections")
    kind = models.CharField(max_length=9, choices=CorrectionKind.choices)
    source = models.ForeignKey("diagnosis.Patient", on_delete=models.PROTECT, related_name="corrections_from")
    target = models.ForeignKey("diagnosis.Patient", on_delete=models.PROTECT, related_name="corrections_to")
    scans = models.JSONField(help_text="keys of the scans that moved")

    objects = CorrectionQuerySet.as_manager()

    class Meta(Undoable.Meta):
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        constraints = [
            *Undoable.Meta.constraints,
            models.CheckConstraint(condition=~Q(source=models.F("target")), name="correction_between_two_patients"),
        ]

    @property
    def moved(self) -> list[uuid.UUID]:
        """Of the scans that moved."""
        return [uuid.UUID(key) for key in self.scans]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.source} → {self.target}"
