from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from diagnosis.models.acceptance import Acceptance
from diagnosis.models.modality import Modality


class ThresholdDecision(models.Model):
    """At which thresholds a clinic answers "is this lung abnormal?": those fitted to it, or the ensemble's own.

    Written once and never changed: of a clinic and modality the row with the highest `number`, which counts from 1,
    holds. Each is taken once, so that of two who decide at the same moment one is refused.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="threshold_decisions")
    modality = models.CharField(max_length=3, choices=Modality.choices)
    number = models.PositiveIntegerField()
    acceptance = models.ForeignKey(
        Acceptance,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="threshold_decisions",
        help_text="which fitted them; empty: the ensemble's own",
    )
    reason = models.CharField(_("reason"), max_length=400)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("decision about thresholds")
        verbose_name_plural = _("decisions about thresholds")
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "modality", "number"], name="one_threshold_decision_at_a_time"),
            models.CheckConstraint(condition=~Q(reason=""), name="threshold_decision_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.clinic_id} {self.modality} {self.number}: {self.acceptance or 'own'}"
