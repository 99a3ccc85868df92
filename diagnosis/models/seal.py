from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from diagnosis.models.report import Report


class SealedPart(models.TextChoices):
    """What of a report is sealed; a successor is the corrected version that took its place."""

    REPORT = "report", _("the report")
    ADDENDUM = "addendum", _("an addendum")
    ERROR = "error", _("that it was entered in error")
    SUCCESSOR = "successor", _("that it was corrected")


class Seal(models.Model):
    """Seals one thing that was signed. Never changed: database triggers refuse every UPDATE, DELETE and TRUNCATE.

    `mac` needs a key that is not in the database; see diagnosis.sealing.
    """

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="seals")
    number = models.PositiveSmallIntegerField(help_text="among those of its report, from 1")
    part = models.CharField(max_length=9, choices=SealedPart.choices)
    content_sha256 = models.CharField(max_length=64, help_text="of what is sealed")
    sealed_at = models.DateTimeField()
    is_late = models.BooleanField(default=False, help_text="younger than the signature, which is from before seals")
    mac = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("seal of a report")
        verbose_name_plural = _("seals of reports")
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["report", "number"], name="seal_number_once_per_report")]

    def __str__(self) -> str:
        return f"seal {self.number} of {self.report_id}"
