from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnosis.models.analysis import Analysis
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.scan import Scan
from diagnosis.models.zone import Zone


class ShadowPredictionQuerySet(ClinicalQuerySet["ShadowPrediction"]):
    clinic_path = "analysis__study__clinic"
    study_path = "analysis__study"


class ShadowPrediction(ClinicalModel):
    """What a classifier on trial, or an ensemble of such, predicts for the study of one analysis.

    In a table of its own, so that no page, report, export or answer that shows predictions can meet one: it is only
    ever counted, and measured when a clinic closes its acceptance. For that an ensemble's row keeps more.
    """

    analysis = models.ForeignKey(Analysis, on_delete=models.PROTECT, related_name="shadow_predictions")
    classifier = models.CharField(max_length=60)
    version = models.CharField(max_length=20)
    weights_sha256 = models.CharField(max_length=64, blank=True, help_text="empty: an ensemble's")
    positive_label = models.CharField(
        max_length=30, blank=True, default="", help_text="the operating point's class; empty in rows older than this"
    )
    probability = models.FloatField(help_text="of the operating point's class, 0 to 1")
    at_or_above_threshold = models.BooleanField(help_text="whether that probability reaches the threshold")
    zone = models.CharField(max_length=13, choices=Zone.choices)
    members = models.JSONField(default=list, blank=True, help_text="of an ensemble: the identities of its classifiers")
    abnormality = models.JSONField(
        null=True, blank=True, default=None, help_text="of an ensemble: as EnsemblePrediction.abnormality"
    )
    images = models.ManyToManyField(
        Scan, related_name="+", blank=True, help_text="of an ensemble: those that it was asked about; older: empty"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ShadowPredictionQuerySet.as_manager()

    class Meta:
        verbose_name = _("prediction on trial")
        verbose_name_plural = _("predictions on trial")
        constraints = [
            models.UniqueConstraint(fields=["analysis", "classifier"], name="one_shadow_prediction_per_classifier"),
            models.CheckConstraint(condition=Q(probability__range=(0, 1)), name="shadow_probability_in_range"),
            models.CheckConstraint(condition=Q(zone__in=Zone.values), name="shadow_zone_known"),
        ]

    def __str__(self) -> str:
        return f"{self.classifier} {self.version}: {self.zone}"
