from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.modality import Modality
from diagnosis.models.report import Report
from diagnosis.models.study import Study


class AcceptanceStatus(models.TextChoices):
    OPEN = "open", _("Being gathered")
    CLOSED = "closed", _("Closed")
    DROPPED = "dropped", _("Given up")


class AcceptanceSet(models.Model):
    """Examinations of one clinic whose truth is known, to measure one version of an ensemble there.

    Changes while it is open; closing it freezes everything into an `Acceptance`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="acceptance_sets")
    modality = models.CharField(max_length=3, choices=Modality.choices)
    ensemble = models.CharField(max_length=60)
    version = models.CharField(max_length=20)
    status = models.CharField(max_length=7, choices=AcceptanceStatus.choices, default=AcceptanceStatus.OPEN)
    begun_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    begun_at = models.DateTimeField(auto_now_add=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("acceptance set")
        verbose_name_plural = _("acceptance sets")
        ordering = ["-begun_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "modality"],
                condition=Q(status=AcceptanceStatus.OPEN),
                name="one_open_acceptance_set",
            ),
            models.CheckConstraint(
                condition=Q(status=AcceptanceStatus.OPEN, ended_by=None, ended_at=None)
                | ~Q(status=AcceptanceStatus.OPEN) & Q(ended_by__isnull=False, ended_at__isnull=False),
                name="acceptance_set_ended_who_and_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.identity} in {self.clinic_id}"

    @property
    def identity(self) -> str:
        """Of the ensemble that is measured, such as panel-cxr/1.1.0."""
        return f"{self.ensemble}/{self.version}"

    @property
    def is_open(self) -> bool:
        return self.status == AcceptanceStatus.OPEN


class AcceptanceCaseQuerySet(ClinicalQuerySet["AcceptanceCase"]):
    clinic_path = "acceptance_set__clinic"
    study_path = "study"


class AcceptanceCase(ClinicalModel):
    """One examination of an acceptance set, and what is true of it: from its signed report, or named by hand."""

    acceptance_set = models.ForeignKey(AcceptanceSet, on_delete=models.PROTECT, related_name="cases")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+")
    is_abnormal = models.BooleanField(help_text="whether the lung is abnormal")
    report = models.ForeignKey(
        Report, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="else named by hand"
    )
    reason = models.CharField(max_length=400, blank=True, help_text="how that is known, where it was named by hand")
    images = models.JSONField(
        default=list, blank=True, help_text="keys of the study's images when it was named by hand; else empty"
    )
    named_of = models.UUIDField(
        null=True, blank=True, help_text="key of the study's patient when it was named by hand; else empty"
    )
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    objects = AcceptanceCaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("case of an acceptance set")
        verbose_name_plural = _("cases of acceptance sets")
        ordering = ["added_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["acceptance_set", "study"], name="one_acceptance_case_per_study"),
            models.CheckConstraint(
                condition=Q(report__isnull=False, reason="") | Q(report=None) & ~Q(reason=""),
                name="acceptance_case_report_or_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study_id}: {'abnormal' if self.is_abnormal else 'not abnormal'}"


class Acceptance(models.Model):
    """What a closed acceptance set measured, frozen and sealed. Never changed: database triggers refuse it.

    `content` holds the cases with labels and stored results, the thresholds, versions and hashes of the classifiers,
    and the figures; see diagnosis.oversight.acceptance. `mac` needs a key that is not in the database.
    """

    acceptance_set = models.OneToOneField(AcceptanceSet, on_delete=models.PROTECT, related_name="acceptance")
    content = models.JSONField()
    content_sha256 = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()
    mac = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("acceptance")
        verbose_name_plural = _("acceptances")

    def __str__(self) -> str:
        return self.content_sha256
