from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from diagnosis.models.review import Review
from diagnosis.models.scan import Scan


class KeyImage(models.Model):
    """An image that a reader put into the report: as it was windowed, with what was measured on it.

    A window is black at centre - width / 2 and white at centre + width / 2, in Hounsfield units for CT, else in the
    numbers of the detector. Each of `measurements` is what diagnosis.scans.measuring.Measurement.stored returns.
    """

    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="key_images")
    image = models.ForeignKey(Scan, on_delete=models.PROTECT, related_name="+")
    place = models.PositiveSmallIntegerField(help_text="among those of its reading, from 1")
    window_centre = models.FloatField(null=True, blank=True, help_text="empty: as the file asks to be shown")
    window_width = models.FloatField(null=True, blank=True)
    inverted = models.BooleanField(default=False, help_text="black and white exchanged")
    measurements = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name = _("key image")
        verbose_name_plural = _("key images")
        ordering = ["place"]
        constraints = [models.UniqueConstraint(fields=["review", "image"], name="key_image_once_per_review")]

    def __str__(self) -> str:
        return f"key image {self.place} of {self.review_id}"
