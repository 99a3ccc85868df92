from __future__ import annotations

import secrets
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnosis.models.base import ClinicalModel
from diagnosis.models.review import Category, ImageQuality, Review
from diagnosis.models.scan import Scan
from diagnosis.models.state_machine import MachineQuerySet
from diagnosis.models.study import Study, speaks_of
from diagnosis.states import REPORT_MOVES, ReportStatus


def new_verification_code() -> str:
    """80 random bits, so that an address cannot be guessed from another."""
    return secrets.token_hex(10)


class ReportQuerySet(MachineQuerySet["Report"]):
    moves = REPORT_MOVES
    transition, subject = "ReportTransition", "report"
    clinic_path = "study__clinic"

    def on(self, image: Scan) -> Self:
        """Those that rest on `image`: on its whole study, or on this image alone."""
        return self.filter(speaks_of(image), study=image.study_id)


class Report(ClinicalModel):
    """The radiologist's words on one study. Preliminary until signed; final for ever after.

    Database triggers refuse every UPDATE and DELETE of a final row; what is learnt later is an addendum.
    `snapshot` freezes what the report rests on (patient, image, classifiers' results) as it was at the signature.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="reports")
    image = models.ForeignKey(
        Scan,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the only one it rests on, in reports from before there were studies; else empty",
    )
    images = models.JSONField(
        default=list, blank=True, help_text="keys of the images that it rests on, as they were at the signature"
    )
    review = models.OneToOneField(
        Review, on_delete=models.PROTECT, related_name="report", help_text="the reading that settled it"
    )
    status = models.CharField(max_length=11, choices=ReportStatus.choices, default=ReportStatus.PRELIMINARY)
    category = models.CharField(max_length=13, choices=Category.choices)
    image_quality = models.CharField(max_length=10, choices=ImageQuality.choices)
    findings = models.TextField(max_length=8000)
    impression = models.TextField(max_length=4000)
    is_key_image = models.BooleanField(default=False)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(auto_now_add=True)

    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    signed_at = models.DateTimeField(null=True, blank=True)
    signer_name = models.CharField(max_length=200, blank=True, help_text="as it was at the signature")
    snapshot = models.JSONField(default=dict)
    content_sha256 = models.CharField(max_length=64, blank=True)
    verification_code = models.CharField(max_length=20, unique=True, default=new_verification_code, editable=False)

    objects = ReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        ordering = ["-written_at"]
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(status=ReportStatus.FINAL, signed_by__isnull=False, signed_at__isnull=False)
                    & ~Q(content_sha256="")
                    & ~Q(signer_name="")
                )
                | Q(status=ReportStatus.PRELIMINARY, signed_by=None, signed_at=None, content_sha256="", signer_name=""),
                name="report_signed_who_when_what",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()} report of {self.study_id}"

    @property
    def scan(self) -> Scan:
        """The image that stands for what it reports on."""
        return self.image or self.study.shown

    @property
    def is_final(self) -> bool:
        return self.status == ReportStatus.FINAL


class Addendum(models.Model):
    """Signed words added to a final report. Never changed: database triggers refuse every UPDATE and DELETE."""

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="addenda")
    number = models.PositiveSmallIntegerField()
    text = models.TextField(max_length=4000)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signer_name = models.CharField(max_length=200)
    signed_at = models.DateTimeField()
    content_sha256 = models.CharField(max_length=64, help_text="over its text and the hash before it")

    class Meta:
        verbose_name = _("addendum")
        verbose_name_plural = _("addenda")
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["report", "number"], name="addendum_number_once_per_report")]

    def __str__(self) -> str:
        return f"addendum {self.number} of {self.report_id}"
