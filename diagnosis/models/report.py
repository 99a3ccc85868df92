from __future__ import annotations

import secrets
from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnosis.models.base import ClinicalModel
from diagnosis.models.review import Category, ImageQuality, Review
from diagnosis.models.scan import Scan
from diagnosis.models.state_machine import MachineQuerySet
from diagnosis.models.study import Study, speaks_of
from diagnosis.states import REPORT_MOVES, ReportStanding, ReportStatus


def new_verification_code() -> str:
    """80 random bits, so that an address cannot be guessed from another."""
    return secrets.token_hex(10)


class ReportQuerySet(MachineQuerySet["Report"]):
    moves = REPORT_MOVES
    transition, subject = "ReportTransition", "report"
    clinic_path = "study__clinic"
    study_path = "study"

    def handed_over(self) -> Self:
        """Those that wait for somebody to authorise them."""
        return self.filter(status=ReportStatus.PRELIMINARY, handed_over_at__isnull=False)

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
        Review,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="report",
        help_text="the reading that settled it; empty in a corrected version, which rests on its predecessor's",
    )
    corrects = models.OneToOneField(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="corrected_by",
        help_text="the version before it; empty in the first one",
    )
    correction_reason = models.TextField(blank=True, default="", max_length=2000)
    status = models.CharField(max_length=11, choices=ReportStatus.choices, default=ReportStatus.PRELIMINARY)
    category = models.CharField(max_length=13, choices=Category.choices)
    image_quality = models.CharField(max_length=10, choices=ImageQuality.choices)
    indication = models.TextField(blank=True, default="", max_length=2000)
    technique = models.TextField(blank=True, default="", max_length=1000)
    comparison = models.TextField(blank=True, default="", max_length=1000)
    findings = models.TextField(max_length=8000)
    coded_findings = models.JSONField(default=list, blank=True, help_text="see diagnosis.models.finding")
    impression = models.TextField(max_length=4000)
    is_key_image = models.BooleanField(default=False)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(auto_now_add=True)

    handed_over_at = models.DateTimeField(
        null=True, blank=True, help_text="when its author, who does not sign, gave it to those who do; else empty"
    )
    returned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="who sent it back to its author last; empty: nobody since it was handed over",
    )
    return_comment = models.TextField(blank=True, default="", max_length=2000, help_text="what its author is to do")

    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    signed_at = models.DateTimeField(null=True, blank=True)
    signer_name = models.CharField(max_length=200, blank=True, help_text="as it was at the signature")
    author_name = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="who wrote it, as at the signature; before form 2: empty",
    )
    snapshot = models.JSONField(default=dict)
    content_sha256 = models.CharField(max_length=64, blank=True)
    canonical_form = models.PositiveSmallIntegerField(
        default=1, help_text="what the hash covers: 1 before reports had sections; see diagnosis.reports.content"
    )
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
            ),
            models.CheckConstraint(
                condition=Q(review__isnull=False, corrects=None, correction_reason="")
                | Q(review=None, corrects__isnull=False) & ~Q(correction_reason=""),
                name="report_rests_on_reading_or_predecessor",
            ),
        ]
        indexes = [
            # The order of the API.
            models.Index(fields=["written_at", "id"], name="report_newest"),
            # The few that wait for a signature, or for somebody to authorise them, among all that were ever signed.
            models.Index(fields=["written_at"], name="report_unsigned", condition=Q(status=ReportStatus.PRELIMINARY)),
            models.Index(
                fields=["handed_over_at"],
                name="report_handed_over",
                condition=Q(status=ReportStatus.PRELIMINARY, handed_over_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()} report of {self.study_id}"

    @property
    def scan(self) -> Scan:
        """The image that stands for what it reports on."""
        return self.image or self.study.shown

    @property
    def reading(self) -> Review:
        """The reading that it rests on; a corrected version rests on the first version's."""
        if self.review:
            return self.review
        assert self.corrects  # a constraint says so
        return self.corrects.reading

    @property
    def reading_id(self) -> UUID:
        """Its key; a first version needs no query for it."""
        return self.review_id or self.reading.pk

    @property
    def is_final(self) -> bool:
        return self.status == ReportStatus.FINAL

    @property
    def rests_on(self) -> frozenset[str]:
        """The keys of the images that it rested on when it was signed; empty before."""
        if not self.is_final:
            return frozenset()
        frozen = [one["id"] for one in self.snapshot.get("images", [])]
        return frozenset(self.images or frozen or ([str(self.image_id)] if self.image_id else []))

    @property
    def error(self) -> EnteredInError | None:
        """Why it does not hold, where it was entered in error; else None."""
        return getattr(self, "entered_in_error", None) if self.is_final else None

    @property
    def successor(self) -> Report | None:
        """The corrected version that took its place; None while it is the latest."""
        return getattr(self, "corrected_by", None) if self.is_final else None

    @property
    def standing(self) -> ReportStanding:
        """What it is worth today: its state, and what was signed beside it since."""
        if not self.is_final:
            return ReportStanding.HANDED_OVER if self.handed_over_at else ReportStanding.PRELIMINARY
        if self.error:
            return ReportStanding.ENTERED_IN_ERROR
        if self.successor:
            return ReportStanding.SUPERSEDED
        if self.addenda.all():
            return ReportStanding.APPENDED
        return ReportStanding.CORRECTED if self.corrects_id else ReportStanding.FINAL


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


class EnteredInError(models.Model):
    """Says that a final report should never have been: of another patient, say. The report's own words stay.

    Never changed: database triggers refuse every UPDATE and DELETE.
    """

    report = models.OneToOneField(Report, on_delete=models.PROTECT, related_name="entered_in_error")
    reason = models.TextField(max_length=2000)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signer_name = models.CharField(max_length=200)
    signed_at = models.DateTimeField()
    content_sha256 = models.CharField(max_length=64, help_text="over the reason and the last hash of the report")

    class Meta:
        verbose_name = _("report entered in error")
        verbose_name_plural = _("reports entered in error")

    def __str__(self) -> str:
        return f"{self.report_id} was entered in error"
