from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnosis.models.analysis import Analysis
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.zone import Zone


class EnsemblePredictionQuerySet(ClinicalQuerySet["EnsemblePrediction"]):
    clinic_path = "analysis__study__clinic"
    study_path = "analysis__study"


class EnsemblePrediction(ClinicalModel):
    """What one version of an ensemble predicts in one analysis from its members, with all that explains it later.

    `abnormality` tells the thresholds that were applied; where those are the clinic's, `own_point` in it is the
    ensemble's own.
    """

    analysis = models.OneToOneField(Analysis, on_delete=models.PROTECT, related_name="ensemble_prediction")
    ensemble = models.CharField(_("ensemble"), max_length=60)
    version = models.CharField(_("version"), max_length=20)
    members = models.JSONField(_("members"), help_text=_("the identities of the classifiers it was measured with"))

    probabilities = models.JSONField(help_text="calibrated probability of each class, summing to 1")
    label = models.CharField(max_length=30, help_text="the most probable class")
    operating_point = models.JSONField(help_text="both thresholds, and the sensitivity and specificity measured there")
    probability = models.FloatField(help_text="of the operating point's class, 0 to 1")
    at_or_above_threshold = models.BooleanField(help_text="whether that probability reaches the threshold")
    zone = models.CharField(max_length=13, choices=Zone.choices)
    abnormality = models.JSONField(
        null=True,
        blank=True,
        default=None,
        help_text="probability of an abnormal lung, its zone and its operating point; empty: not asked",
    )
    card = models.JSONField(default=dict, help_text="what the ensemble's card said of it then")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EnsemblePredictionQuerySet.as_manager()

    class Meta:
        verbose_name = _("ensemble prediction")
        verbose_name_plural = _("ensemble predictions")
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(probability__range=(0, 1)), name="ensemble_prediction_probability_in_range"
            ),
            models.CheckConstraint(condition=Q(zone__in=Zone.values), name="ensemble_prediction_zone_known"),
        ]

    def __str__(self) -> str:
        return f"{self.ensemble} {self.version}: {self.zone}"

    @property
    def identity(self) -> str:
        """Name and version in one word, such as panel-cxr/1.0.0."""
        return f"{self.ensemble}/{self.version}"
