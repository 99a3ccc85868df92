from __future__ import annotations

from django.db import models
from django.db.models import Q

from diagnosis.models._base import ClinicalModel, ClinicalQuerySet, private_storage
from diagnosis.models.analysis import Analysis


class PredictionQuerySet(ClinicalQuerySet["Prediction"]):
    clinic_path = "analysis__scan__clinic"


def attention_path(prediction: Prediction, filename: str) -> str:
    return f"attention/{prediction.pk.hex[:2]}/{prediction.pk.hex}.png"


class Prediction(ClinicalModel):
    """What one version of one classifier said in one analysis, with all that explains it later."""

    analysis = models.ForeignKey(Analysis, on_delete=models.PROTECT, related_name="predictions")
    classifier = models.CharField(max_length=60)
    version = models.CharField(max_length=20)
    architecture = models.CharField(max_length=30)
    weights_sha256 = models.CharField(max_length=64)
    preprocessing = models.CharField(max_length=30, help_text="version of the preprocessing")

    probabilities = models.JSONField(help_text="calibrated probability of each class, summing to 1")
    label = models.CharField(max_length=30, help_text="the most probable class")
    operating_point = models.JSONField(help_text="threshold, and the sensitivity and specificity measured there")
    probability = models.FloatField(help_text="of the operating point's class, 0 to 1")
    positive = models.BooleanField(help_text="whether that probability reaches the threshold")
    milliseconds = models.FloatField()
    attention = models.FileField(storage=private_storage, upload_to=attention_path, max_length=100, editable=False)
    attention_label = models.CharField(
        max_length=30, blank=True, default="", help_text="the class whose evidence the attention map shows"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        ordering = ["classifier"]
        constraints = [
            models.UniqueConstraint(fields=["analysis", "classifier"], name="one_prediction_per_classifier"),
            models.CheckConstraint(condition=Q(probability__range=(0, 1)), name="prediction_probability_in_range"),
        ]

    def __str__(self) -> str:
        return f"{self.classifier} {self.version}: {self.label}"
