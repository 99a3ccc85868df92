from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.modality import Modality
from diagnosis.models.patient import Patient

if TYPE_CHECKING:
    from diagnosis.models.analysis import Analysis
    from diagnosis.models.report import Report
    from diagnosis.models.scan import Scan


class _OfStudy(Protocol):
    """A row of a study: of all its images, or of one alone where it is from before there were studies."""

    @property
    def image_id(self) -> UUID | None: ...


R = TypeVar("R", bound=_OfStudy)


def speaking_of(rows: Iterable[R], image: UUID | None) -> list[R]:
    """Those that speak of the image with this key: of its whole study, or of this image alone."""
    return [row for row in rows if row.image_id in (None, image)]


def speaks_of(image: object) -> models.Q:
    """The same as a condition of a query."""
    return models.Q(image=None) | models.Q(image=image)


class ExaminedFrom(models.TextChoices):
    """Who says when a study was made. Empty: its files do, or nobody does."""

    GUESSED = "guessed", _("guessed from the photograph")
    PERSON = "person", _("stated by a person")


class Priority(models.TextChoices):
    """How soon the referrer wants it read. Empty: nobody said."""

    ROUTINE = "routine", _("Routine")
    URGENT = "urgent", _("Urgent")


def standing_among(reports: Iterable[Report]) -> Report | None:
    """The newest of one study's reports; one that was entered in error only where there is no other.

    A version that was corrected does not come back where the correction was entered in error.
    """
    found = list(reports)
    replaced = {report.corrects_id for report in found}
    newest = sorted((one for one in found if one.pk not in replaced), key=lambda one: one.written_at, reverse=True)
    return next((report for report in newest if not report.error), newest[0] if newest else None)


class StudyQuerySet(ClinicalQuerySet["Study"]):
    patient_paths = ("patient",)


_Studies = models.Manager.from_queryset(StudyQuerySet)


class StudyManager(_Studies):
    """Studies that stand: of which not every image was taken back."""

    def get_queryset(self) -> Any:  # a StudyQuerySet; the base class cannot say so
        return super().get_queryset().filter(withdrawal=None)


class Study(ClinicalModel):
    """One examination of one patient: what is analysed, read and reported as a whole.

    Its identifiers are the file's words, shown and searched but never trusted: two patients may bring one study UID.
    """

    clinic = models.ForeignKey(Clinic, verbose_name=_("clinic"), on_delete=models.PROTECT, related_name="studies")
    patient = models.ForeignKey(Patient, verbose_name=_("patient"), on_delete=models.PROTECT, related_name="studies")
    modality = models.CharField(_("modality"), max_length=3, choices=Modality.choices)
    study_instance_uid = models.CharField(_("study instance UID"), max_length=64, blank=True)
    accession_number = models.CharField(_("accession number"), max_length=64, blank=True)
    description = models.CharField(_("description"), max_length=64, blank=True)
    referring_physician = models.CharField(_("referring physician"), max_length=200, blank=True)
    ward = models.CharField(_("ward"), max_length=120, blank=True)
    ordered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("ordered by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("the referrer, where they have an account; they hear of the report"),
    )
    clinical_question = models.TextField(_("clinical question"), max_length=2000, blank=True)
    symptoms = models.TextField(_("symptoms"), max_length=2000, blank=True)
    priority = models.CharField(_("priority"), max_length=7, choices=Priority.choices, blank=True)
    from_file = models.JSONField(
        _("taken from the file"),
        default=list,
        blank=True,
        help_text=_("names of the fields that a file filled and nobody has changed"),
    )
    examined_at = models.DateTimeField(_("examined"), null=True, blank=True, help_text=_("empty: not known"))
    examined_from = models.CharField(
        _("source of the date"),
        max_length=7,
        choices=ExaminedFrom.choices,
        blank=True,
        help_text=_("empty: the files say it, or it is not known"),
    )
    batch = models.UUIDField(
        _("batch"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("what the uploader called the loose files of one examination; empty: nothing"),
    )
    received_at = models.DateTimeField(_("received"), help_text=_("when its first image came in"))
    received_from = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("received from"), on_delete=models.PROTECT, related_name="+"
    )
    fetched_from = models.CharField(
        _("fetched from"),
        max_length=16,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=_("AE title of the archive that was asked for it, as a prior of another study; empty: it was sent"),
    )
    representative = models.OneToOneField(
        "diagnosis.Scan",
        verbose_name=_("representative image"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="represented_study",
        help_text=_("the image that stands for the study in lists; empty: it has no image"),
    )
    emptied_of = models.ForeignKey(
        "diagnosis.Scan",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        help_text="the image that stood for it before its last image was moved to another study; else empty",
    )

    withdrawal = models.ForeignKey(
        "diagnosis.Withdrawal",
        verbose_name=_("taken back by"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="whole_studies",
        help_text=_("empty: it stands, with one image at least"),
    )

    objects = StudyManager()
    with_withdrawn = StudyQuerySet.as_manager()

    class Meta:
        verbose_name = _("study")
        verbose_name_plural = _("studies")
        ordering = ["-received_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(modality__in=Modality.values), name="study_modality_known"),
        ]
        indexes = [
            models.Index(fields=["patient", "-received_at", "-id"], name="study_of_patient"),
            models.Index(fields=["clinic", "-received_at", "-id"], name="study_of_clinic"),
            models.Index(fields=["patient", "study_instance_uid"], name="study_by_uid"),
        ]

    def __str__(self) -> str:
        return gettext("%(modality)s of %(patient)s, %(day)s") % {
            "modality": self.get_modality_display(),
            "patient": self.patient,
            "day": date_format(localtime(self.taken_at), "DATE_FORMAT"),
        }

    @property
    def taken_at(self) -> datetime:
        """When it was made, for the order of lists; where nobody says so, when its first image came in."""
        return self.examined_at or self.received_at

    @property
    def time_is_known(self) -> bool:
        """Whether the hour of `examined_at` means something: a person says the day alone."""
        return self.examined_at is not None and self.examined_from != ExaminedFrom.PERSON

    @property
    def is_prior(self) -> bool:
        """Whether it is here to be compared with alone: neither analysed nor read, unless a person asks."""
        return bool(self.fetched_from)

    @property
    def shown(self) -> Scan:
        """The image that stands for it; for one whose images were moved away, the image that did so before."""
        shown = self.representative or self.emptied_of
        assert shown is not None  # a study begins with an image
        return shown

    @property
    def latest_analysis(self) -> Analysis | None:
        """The newest by number; uses a prefetch of `analyses` where there is one."""
        return self.latest_among(self.analyses.all())

    def latest_among(self, analyses: models.QuerySet[Analysis] | list[Analysis]) -> Analysis | None:
        """The newest of those that speak for the study: of all its images, or of its representative alone."""
        return max(speaking_of(analyses, self.representative_id), key=lambda one: one.number, default=None)

    @property
    def report(self) -> Report | None:
        """The newest that stands; uses a prefetch of `reports` where there is one."""
        return standing_among(self.reports.all())


class SeriesQuerySet(ClinicalQuerySet["Series"]):
    clinic_path = "study__clinic"
    study_path = "study"

    def visible_to(self, user: User) -> Self:
        """Nothing of a study that was taken back."""
        return super().visible_to(user).filter(study__withdrawal=None)


class Series(ClinicalModel):
    """Images of one study that were made in one go."""

    study = models.ForeignKey(Study, verbose_name=_("study"), on_delete=models.PROTECT, related_name="series")
    series_instance_uid = models.CharField(_("series instance UID"), max_length=64, blank=True)
    number = models.IntegerField(_("number"), null=True, blank=True)
    description = models.CharField(_("description"), max_length=64, blank=True)
    body_part = models.CharField(_("body part"), max_length=64, blank=True)
    kernel = models.CharField(_("reconstruction kernel"), max_length=64, blank=True)
    slice_thickness = models.FloatField(_("slice thickness"), null=True, blank=True, help_text=_("mm; CT only"))

    objects = SeriesQuerySet.as_manager()

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = _("series")
        ordering = ["number", "series_instance_uid", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "series_instance_uid"],
                condition=~models.Q(series_instance_uid=""),
                name="one_series_per_uid_and_study",
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.series_instance_uid or str(self.pk)
