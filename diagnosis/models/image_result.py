from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from diagnosis import messages
from diagnosis.models.analysis import Analysis
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.scan import Scan
from diagnosis.models.zone import Zone
from ml.study.reasons import BETWEEN_SLICES


class ImageResultQuerySet(ClinicalQuerySet["ImageResult"]):
    clinic_path = "analysis__study__clinic"
    study_path = "analysis__study"
    patient_paths = ("image__patient",)  # who is another one where the image was moved since

    def visible_to(self, user: User) -> Self:
        """Nothing of a study that was taken back, nor of an image that was."""
        return super().visible_to(user).filter(analysis__study__withdrawal=None, image__withdrawal=None)


class ImageResult(ClinicalModel):
    """What one analysis says of one image. The images that an analysis saw are exactly those that it has a row for."""

    analysis = models.ForeignKey(Analysis, on_delete=models.PROTECT, related_name="image_results")
    image = models.ForeignKey(Scan, on_delete=models.PROTECT, related_name="results")
    probabilities = models.JSONField(
        default=dict, help_text="calibrated probability of the class looked out for, 0 to 1, by classifier/version"
    )
    probability = models.FloatField(
        null=True, blank=True, help_text="the combination's, else the classifiers' mean; not classified: empty"
    )
    above = models.PositiveSmallIntegerField(default=0, help_text="how many classifiers reach their operating point")
    zone = models.CharField(max_length=13, choices=Zone.choices, blank=True, default="")
    not_classified_code = models.CharField(_("reason for no probability"), max_length=40, blank=True)
    not_classified_params = models.JSONField(default=dict, blank=True)

    objects = ImageResultQuerySet.as_manager()

    class Meta:
        verbose_name = _("result of an image")
        verbose_name_plural = _("results of images")
        constraints = [
            models.UniqueConstraint(fields=["analysis", "image"], name="one_result_per_image_and_analysis"),
            models.CheckConstraint(
                condition=Q(probability__range=(0, 1), not_classified_code="")
                | Q(probability=None) & ~Q(not_classified_code=""),
                name="image_result_probability_or_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.image_id}: {self.probability if self.probability is not None else self.not_classified_code}"

    @property
    def was_left_to_a_neighbour(self) -> bool:
        """Whether the image was not asked about because another slice close to it was."""
        return self.not_classified_params.get("variant") == BETWEEN_SLICES

    @property
    def not_classified(self) -> str:
        """Why there is no probability, in the active language; empty where there is one."""
        return messages.reason(self.not_classified_code, self.not_classified_params)
