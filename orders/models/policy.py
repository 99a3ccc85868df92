from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic


class OrderPolicy(models.Model):
    """How a clinic follows its orders."""

    clinic = models.OneToOneField(Clinic, primary_key=True, on_delete=models.CASCADE, related_name="order_policy")
    overdue_hours = models.PositiveSmallIntegerField(
        _("overdue after (hours)"),
        default=24,
        validators=[MinValueValidator(1), MaxValueValidator(24 * 366)],
        help_text="after its time, or after it was ordered where it has none, without images",
    )

    class Meta:
        verbose_name = _("order policy")
        verbose_name_plural = _("order policies")

    def __str__(self) -> str:
        return f"how {self.clinic} follows its orders"

    @classmethod
    def of(cls, clinic: Clinic) -> OrderPolicy:
        """The clinic's policy, or the defaults (unsaved) where it set none."""
        return cls.objects.filter(clinic=clinic).first() or cls(clinic=clinic)
