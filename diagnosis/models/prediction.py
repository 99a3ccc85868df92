from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from diagnosis.models.analysis import Analysis
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet, private_storage
from diagnosis.models.scan import Scan
from diagnosis.models.zone import Zone


class PredictionQuerySet(ClinicalQuerySet["Prediction"]):
    clinic_path = "analysis__study__clinic"
    study_path = "analysis__study"
    patient_paths = ("image__patient",)  # who is another one where the image was moved since

    def visible_to(self, user: User) -> Self:
        """Nothing of a study that was taken back, nor a map of an image that was."""
        return super().visible_to(user).filter(analysis__study__withdrawal=None, image__withdrawal=None)


def attention_path(prediction: Prediction, filename: str) -> str:
    return f"attention/{prediction.pk.hex[:2]}/{prediction.pk.hex}.png"


def seen_path(prediction: Prediction, filename: str) -> str:
    return f"seen/{prediction.pk.hex[:2]}/{prediction.pk.hex}.png"


class Prediction(ClinicalModel):
    """What one version of one classifier predicts for the study of one analysis, with all that explains it later."""

    analysis = models.ForeignKey(Analysis, on_delete=models.PROTECT, related_name="predictions")
    image = models.ForeignKey(
        Scan, on_delete=models.PROTECT, related_name="predictions", help_text="the image that its attention map is of"
    )
    classifier = models.CharField(_("classifier"), max_length=60)
    version = models.CharField(_("version"), max_length=20)
    architecture = models.CharField(max_length=30)
    weights_sha256 = models.CharField(max_length=64)
    preprocessing = models.CharField(_("preprocessing"), max_length=30, help_text=_("version of the preprocessing"))

    probabilities = models.JSONField(help_text="calibrated probability of each class, summing to 1")
    label = models.CharField(max_length=30, help_text="the most probable class")
    operating_point = models.JSONField(help_text="threshold, and the sensitivity and specificity measured there")
    probability = models.FloatField(help_text="of the operating point's class, 0 to 1")
    at_or_above_threshold = models.BooleanField(help_text="whether that probability reaches the threshold")
    zone = models.CharField(
        max_length=13, choices=Zone.choices, blank=True, default="", help_text="empty: from before there were zones"
    )
    milliseconds = models.FloatField()
    attention = models.FileField(storage=private_storage, upload_to=attention_path, max_length=100, editable=False)
    attention_label = models.CharField(
        max_length=30, blank=True, default="", help_text="the class whose evidence the attention map shows"
    )
    # Of earlier results alone: nobody could show that it tells a wrong result (ADR 0224)
    attention_outside = models.FloatField(
        null=True, blank=True, help_text="share of the attention outside the lungs, 0 to 1; not measured: empty"
    )
    seen = models.FileField(
        storage=private_storage,
        upload_to=seen_path,
        max_length=100,
        blank=True,
        editable=False,
        help_text="the very picture that the network got; empty: from before it was kept",
    )
    card = models.JSONField(default=dict, help_text="what the model card said of it then; empty: not kept")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PredictionQuerySet.as_manager()

    class Meta:
        verbose_name = _("prediction")
        verbose_name_plural = _("predictions")
        ordering = ["classifier"]
        constraints = [
            models.UniqueConstraint(fields=["analysis", "classifier"], name="one_prediction_per_classifier"),
            models.CheckConstraint(condition=Q(probability__range=(0, 1)), name="prediction_probability_in_range"),
            models.CheckConstraint(condition=Q(zone__in=("", *Zone.values)), name="prediction_zone_known"),
            models.CheckConstraint(
                condition=Q(attention_outside=None) | Q(attention_outside__range=(0, 1)),
                name="prediction_attention_outside_in_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.classifier} {self.version}: {self.label}"

    @property
    def identity(self) -> str:
        """Name and version in one word, such as densenet121-cxr/1.0.0."""
        return f"{self.classifier}/{self.version}"

    @property
    def stance(self) -> Zone:
        """Its zone; the side of its operating point where it was made before there were zones."""
        if self.zone:
            return Zone(self.zone)
        return Zone.POSITIVE if self.at_or_above_threshold else Zone.NEGATIVE

    @property
    def shows_finding(self) -> bool:
        """Whether its map shows what speaks for the class that is looked out for.

        What speaks for the other classes has no place: nothing is to be found there.
        """
        return self.attention_label in ("", self.operating_point["positive_label"])
