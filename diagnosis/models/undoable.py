from __future__ import annotations

from typing import Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from diagnosis.models.base import ClinicalModel, ClinicalQuerySet

M = TypeVar("M", bound=models.Model)


class UndoableQuerySet(ClinicalQuerySet[M]):
    def standing(self) -> Self:
        """Not undone."""
        return self.filter(undone_at=None)


class Undoable(ClinicalModel):
    """What a person did for a reason, and may take back: both stay written, with who and when."""

    reason = models.CharField(max_length=400)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering = ["-made_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(undone_by=None, undone_at=None) | Q(undone_by__isnull=False, undone_at__isnull=False),
                name="%(class)s_undone_who_and_when",
            )
        ]
