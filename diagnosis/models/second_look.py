from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.report import Report
from diagnosis.models.review import Category


class Outcome(models.TextChoices):
    """Whom a second look bears out."""

    REPORT = "report", _("Agrees with the report")
    CLASSIFIERS = "classifiers", _("Agrees with the classifiers")
    NEITHER = "neither", _("Agrees with neither")


class SecondLookQuerySet(ClinicalQuerySet["SecondLook"]):
    clinic_path = "report__study__clinic"
    study_path = "report__study"


class SecondLook(ClinicalModel):
    """Another reader's look at a study whose signed report and classifiers' result contradict each other.

    From taking it until deciding, its reader sees neither of the two. The report stays as it was signed.
    """

    report = models.OneToOneField(Report, on_delete=models.PROTECT, related_name="second_look")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    category = models.CharField(max_length=13, choices=Category.choices, blank=True)
    outcome = models.CharField(
        max_length=11, choices=Outcome.choices, blank=True, help_text="derived from the category"
    )
    needs_action = models.BooleanField(default=False, help_text="whether something has to be done for the patient")
    note = models.TextField(blank=True, max_length=2000)

    objects = SecondLookQuerySet.as_manager()

    class Meta:
        verbose_name = _("second look")
        verbose_name_plural = _("second looks")
        ordering = ["-taken_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_at=None, category="", outcome="")
                | Q(decided_at__isnull=False, category__in=Category.values, outcome__in=Outcome.values),
                name="second_look_decided_when_what",
            )
        ]
        indexes = [models.Index(fields=["reader"], name="second_look_open", condition=Q(decided_at=None))]

    def __str__(self) -> str:
        return f"second look at {self.report_id}"
