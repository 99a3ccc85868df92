from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnosis.models.patient import Patient
from diagnosis.models.study import Study


class Follow(models.Model):
    """A person who wants to hear of the reports on one examination, or on all of one patient."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="follows")
    patient = models.ForeignKey(Patient, null=True, blank=True, on_delete=models.CASCADE, related_name="follows")
    study = models.ForeignKey(Study, null=True, blank=True, on_delete=models.CASCADE, related_name="follows")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("follow")
        verbose_name_plural = _("follows")
        constraints = [
            models.CheckConstraint(
                condition=Q(patient=None, study__isnull=False) | Q(patient__isnull=False, study=None),
                name="follow_of_one_thing",
            ),
            models.UniqueConstraint(fields=["user", "patient"], name="one_follow_per_patient"),
            models.UniqueConstraint(fields=["user", "study"], name="one_follow_per_study"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} follows {self.study_id or self.patient_id}"
