from __future__ import annotations

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.study import Study

# A request that began before the confirmation may still write a picture; files are looked for again as long as this.
LOOKED_FOR = timedelta(days=2)


class DeletionKind(models.TextChoices):
    MISTAKE = "mistake", _("Uploaded by mistake")
    RETENTION = "retention", _("Past its retention period")


class DeletionQuerySet(ClinicalQuerySet["Deletion"]):
    clinic_path = "study__clinic"
    study_path = "study"

    def waiting(self) -> Self:
        """Asked for, and neither confirmed nor dropped."""
        return self.filter(confirmed_at=None, dropped_at=None)

    def confirmed(self) -> Self:
        return self.filter(confirmed_at__isnull=False)

    def to_erase(self) -> Self:
        """Confirmed ones whose files may still be there."""
        return self.confirmed().filter(Q(erased_at=None) | Q(confirmed_at__gt=timezone.now() - LOOKED_FOR))


class Deletion(ClinicalModel):
    """A study that one person wants erased and another one confirms; afterwards it is what remains of the study.

    The rows of the study and its images stay beside it, without what names a person.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="deletions")
    kind = models.CharField(max_length=9, choices=DeletionKind.choices, default=DeletionKind.MISTAKE)
    reason = models.CharField(max_length=400)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    dropped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    dropped_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True, help_text="when its files were gone from the disk")

    objects = DeletionQuerySet.as_manager()

    class Meta:
        verbose_name = _("deletion")
        verbose_name_plural = _("deletions")
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(condition=~Q(confirmed_by=F("requested_by")), name="deletion_by_two_people"),
            models.CheckConstraint(
                condition=Q(confirmed_by=None, confirmed_at=None, erased_at=None)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False, dropped_at=None),
                name="deletion_confirmed_who_and_when",
            ),
            models.CheckConstraint(
                condition=Q(dropped_by=None, dropped_at=None) | Q(dropped_by__isnull=False, dropped_at__isnull=False),
                name="deletion_dropped_who_and_when",
            ),
            # One that waits, or one that was carried out.
            models.UniqueConstraint(fields=["study"], condition=Q(dropped_at=None), name="one_deletion_per_study"),
        ]
        indexes = [models.Index(fields=["-confirmed_at"], name="deletion_newest")]

    def __str__(self) -> str:
        return f"deletion of {self.study_id}"

    @property
    def is_open(self) -> bool:
        return self.confirmed_at is None and self.dropped_at is None
