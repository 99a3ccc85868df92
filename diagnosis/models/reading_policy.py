from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic


class ReadFirst(models.TextChoices):
    """Whether a reader commits a first impression before the classifiers' result is shown."""

    ALWAYS = "always", _("Always: the result stays hidden until the first impression")
    READER = "reader", _("By each reader's choice")
    NEVER = "never", _("Never: the result is shown at once")


class ReadingPolicy(models.Model):
    """How a clinic reads: the queue's weights, reading first, double reading, and what is shown of results.

    The weights are hours: an urgent case stands where it would stand had it waited `urgent_hours` longer. A case that
    waits gains one hour an hour, so nobody waits behind others for ever.
    """

    clinic = models.OneToOneField(Clinic, primary_key=True, on_delete=models.CASCADE, related_name="reading_policy")
    read_first = models.CharField(max_length=6, choices=ReadFirst.choices, default=ReadFirst.READER)
    double_reading_percent = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(100)], help_text="share of cases that a second reader reads, 0 to 100"
    )
    urgent_hours = models.FloatField(default=48, validators=[MinValueValidator(0), MaxValueValidator(1000)])
    referrer_hours = models.FloatField(default=24, validators=[MinValueValidator(0), MaxValueValidator(1000)])
    order_by_result = models.BooleanField(
        default=False, help_text="whether suspicion moves a case; the classifiers' cards forbid triage, so off"
    )
    suspicion_hours = models.FloatField(default=12, validators=[MinValueValidator(0), MaxValueValidator(1000)])
    disagreement_hours = models.FloatField(default=6, validators=[MinValueValidator(0), MaxValueValidator(1000)])
    asks_request = models.BooleanField(
        default=True, help_text="whether an upload asks for referrer, ward, clinical question and symptoms"
    )

    # What is shown of the classifiers' results
    hide_until_read = models.BooleanField(
        default=False, help_text="nobody sees a result before a person has read the study; readers say first"
    )
    abnormal_percent = models.FloatField(
        default=30,
        validators=[MinValueValidator(0.1), MaxValueValidator(99)],
        help_text="assumed share of images with an abnormal lung, in per cent",
    )
    covid_percent = models.FloatField(
        default=5,
        validators=[MinValueValidator(0.1), MaxValueValidator(99)],
        help_text="assumed share of images of people with COVID-19, in per cent",
    )
    show_research_only = models.BooleanField(
        default=False, help_text="results of classifiers for research only stand unfolded beside the others"
    )
    requires_acceptance = models.BooleanField(
        default=False, help_text="no answer is shown before the clinic has accepted what is installed on its own cases"
    )

    critical_minutes = models.PositiveSmallIntegerField(
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(1440)],
        help_text="after which a critical result that nobody acknowledged is escalated",
    )

    class Meta:
        verbose_name = _("reading policy")
        verbose_name_plural = _("reading policies")

    def __str__(self) -> str:
        return f"how {self.clinic} reads"

    @classmethod
    def of(cls, clinic: Clinic) -> ReadingPolicy:
        """The clinic's policy, or the defaults (unsaved) where it set none."""
        return cls.objects.filter(clinic=clinic).first() or cls(clinic=clinic)

    @classmethod
    def among(cls, clinics: Iterable[UUID]) -> dict[UUID, ReadingPolicy]:
        """The same for the clinics with these keys; one query for a whole list, none for an empty one."""
        keys = set(clinics)
        known = cls.objects.in_bulk(keys) if keys else {}
        return {key: known.get(key) or cls(clinic_id=key) for key in keys}
