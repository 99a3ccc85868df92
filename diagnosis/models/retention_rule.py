from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic


class RetentionRule(models.Model):
    """How long a clinic keeps studies. Without one, and while `years` is empty, no study is ever past its period."""

    clinic = models.OneToOneField(Clinic, primary_key=True, on_delete=models.CASCADE, related_name="retention_rule")
    years = models.PositiveSmallIntegerField(
        _("Years after the patient’s last examination"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
    )
    until_age = models.PositiveSmallIntegerField(
        _("For patients who were under 18 at any examination: at least until this age"),
        null=True,
        blank=True,
        validators=[MinValueValidator(18), MaxValueValidator(100)],
    )

    class Meta:
        verbose_name = _("retention rule")
        verbose_name_plural = _("retention rules")

    def __str__(self) -> str:
        return f"how long {self.clinic_id} keeps studies"

    @classmethod
    def of(cls, clinic: Clinic) -> RetentionRule:
        """The clinic's rule, or one (unsaved) by which nothing is ever past its period."""
        return cls.objects.filter(clinic=clinic).first() or cls(clinic=clinic)
