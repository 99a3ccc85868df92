from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.study import Study


class StudyChangeQuerySet(ClinicalQuerySet["StudyChange"]):
    clinic_path = "study__clinic"
    study_path = "study"


class StudyChange(ClinicalModel):
    """One field of a study that a person changed after the upload. Written once, never changed."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="changes")
    field = models.CharField(max_length=40, help_text="name of the field of the study")
    before = models.TextField(blank=True, help_text="as text, dates as ISO 8601; empty: not said")
    after = models.TextField(blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    objects = StudyChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("change of a study")
        verbose_name_plural = _("changes of studies")
        ordering = ["-made_at", "field"]

    def __str__(self) -> str:
        return f"{self.field} of {self.study_id}"
