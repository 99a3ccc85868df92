from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic


class DriftAlarm(models.Model):
    """That one version’s answers have moved in a clinic since a week; its administrators were told of it once."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="drift_alarms")
    name = models.CharField(max_length=60)
    version = models.CharField(max_length=20)
    since = models.DateField(help_text="the Monday of the first week of the alarm")
    is_higher = models.BooleanField(help_text="whether the probabilities rose")
    told_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("alarm about drift")
        verbose_name_plural = _("alarms about drift")
        constraints = [
            models.UniqueConstraint(fields=["clinic", "name", "version", "since"], name="drift_alarm_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version} since {self.since}"
