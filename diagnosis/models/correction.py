from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from diagnosis.models.undoable import Undoable, UndoableQuerySet


class CorrectionKind(models.TextChoices):
    MOVE_SCAN = "move_scan", _("Scan moved to another patient")
    MERGE_PATIENTS = "merge", _("Two patients merged")
    MOVE_IMAGES = "images", _("Images moved to another study")
    SPLIT_STUDY = "split", _("Images split off into a new study")


# Between two studies of one patient; the others are between two patients.
OF_STUDIES = (CorrectionKind.MOVE_IMAGES, CorrectionKind.SPLIT_STUDY)


class CorrectionQuerySet(UndoableQuerySet["Correction"]):
    patient_paths = ("source", "target")


class Correction(Undoable):
    """Images or a whole record that were with the wrong patient, or images that were in the wrong study, and where they
    went. Can be undone, never erased.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="corrections")
    kind = models.CharField(max_length=9, choices=CorrectionKind.choices)
    source = models.ForeignKey("diagnosis.Patient", on_delete=models.PROTECT, related_name="corrections_from")
    target = models.ForeignKey("diagnosis.Patient", on_delete=models.PROTECT, related_name="corrections_to")
    scans = models.JSONField(help_text="keys of the scans that moved")
    places = models.JSONField(
        default=dict, help_text="key of the series that each scan was in before; empty: from before it was kept"
    )
    source_study = models.ForeignKey(
        "diagnosis.Study", null=True, blank=True, on_delete=models.PROTECT, related_name="corrections_from"
    )
    target_study = models.ForeignKey(
        "diagnosis.Study", null=True, blank=True, on_delete=models.PROTECT, related_name="corrections_to"
    )

    objects = CorrectionQuerySet.as_manager()

    class Meta(Undoable.Meta):
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        constraints = [
            *Undoable.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(kind__in=OF_STUDIES) & ~Q(source=models.F("target"))
                | Q(kind__in=OF_STUDIES, source=models.F("target"), source_study__isnull=False)
                & Q(target_study__isnull=False)
                & ~Q(source_study=models.F("target_study")),
                name="correction_between_two",
            ),
        ]

    @property
    def moved(self) -> list[uuid.UUID]:
        """Of the scans that moved."""
        return [uuid.UUID(key) for key in self.scans]

    @property
    def of_studies(self) -> bool:
        """Whether it is between two studies of one patient."""
        return self.kind in OF_STUDIES

    def __str__(self) -> str:
        where = str(self.source) if self.of_studies else f"{self.source} → {self.target}"
        return f"{self.get_kind_display()}: {where}"
