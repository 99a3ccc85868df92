from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnosis.models.analysis import Analysis
from diagnosis.models.undoable import Undoable, UndoableQuerySet


class DismissalQuerySet(UndoableQuerySet["Dismissal"]):
    clinic_path = "analysis__study__clinic"
    study_path = "analysis__study"


class Dismissal(Undoable):
    """A failed or cancelled analysis that needs no more attention, and why. The analysis itself stays as it is."""

    analysis = models.ForeignKey(Analysis, on_delete=models.PROTECT, related_name="dismissals")

    objects = DismissalQuerySet.as_manager()

    class Meta(Undoable.Meta):
        verbose_name = _("dismissal")
        verbose_name_plural = _("dismissals")
        constraints = [
            *Undoable.Meta.constraints,
            models.UniqueConstraint(
                fields=["analysis"], condition=Q(undone_at=None), name="one_standing_dismissal_per_analysis"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.analysis_id} set aside"
