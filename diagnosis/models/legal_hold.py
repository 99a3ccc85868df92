from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnosis.models.patient import Patient
from diagnosis.models.undoable import Undoable, UndoableQuerySet


class LegalHoldQuerySet(UndoableQuerySet["LegalHold"]):
    clinic_path = "patient__clinic"
    patient_paths = ("patient",)


class LegalHold(Undoable):
    """Nothing of this patient is deleted while it stands: a lawsuit, a complaint, a study of the hospital's own."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="legal_holds")

    objects = LegalHoldQuerySet.as_manager()

    class Meta(Undoable.Meta):
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        constraints = [
            *Undoable.Meta.constraints,
            models.UniqueConstraint(fields=["patient"], condition=Q(undone_at=None), name="one_legal_hold_per_patient"),
        ]

    def __str__(self) -> str:
        return f"legal hold on {self.patient_id}"
