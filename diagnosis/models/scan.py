from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from diagnosis import messages
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet, private_storage
from diagnosis.models.modality import Modality
from diagnosis.models.patient import Patient
from diagnosis.models.study import Series, Study, speaking_of, standing_among

if TYPE_CHECKING:
    from diagnosis.models.analysis import Analysis, AnalysisQuerySet
    from diagnosis.models.report import Report
    from diagnosis.models.review import ReviewQuerySet

__all__ = ["FileFormat", "Modality", "Scan", "ScanQuerySet"]


class FileFormat(models.TextChoices):
    PNG = "png", "PNG"
    JPEG = "jpeg", "JPEG"
    DICOM = "dicom", "DICOM"


class ScanQuerySet(ClinicalQuerySet["Scan"]):
    patient_paths = ("patient",)

    def representatives(self) -> Self:
        """One for each study: the image that stands for it in lists."""
        return self.filter(represented_study__isnull=False)

    def count_in(self, study: str) -> Coalesce:
        """For an annotation: how many of these images the study has that `study` leads to from the outer row.

        Counted for the rows of a page alone, not before they are chosen.
        """
        images = self.filter(series__study=models.OuterRef(study)).order_by().values("series__study")
        counted = images.annotate(number=models.Count("pk")).values("number")
        return Coalesce(models.Subquery(counted, output_field=models.IntegerField()), 0)

    def with_studies(self) -> Self:
        """With all that `study` and its analyses and reports need, in a fixed number of queries."""
        related = "series__study__"
        return self.select_related("series__study").prefetch_related(
            f"{related}analyses__predictions",
            f"{related}analyses__ensemble_prediction",
            f"{related}reports__entered_in_error",
            f"{related}reports__review__reader",
        )


_Scans = models.Manager.from_queryset(ScanQuerySet)


class ScanManager(_Scans):
    """Images that stand: whoever looks for one never meets one that its uploader took back.

    Keys that point at an image still find it, through the model's base manager.
    """

    def get_queryset(self) -> Any:  # a ScanQuerySet; the base class cannot say so
        return super().get_queryset().filter(withdrawal=None)


def original_path(scan: Scan, filename: str) -> str:
    """Where the bytes lie: made from our own key alone, never from the name that came with the upload."""
    return f"originals/{scan.pk.hex[:2]}/{scan.pk.hex}"


class Scan(ClinicalModel):
    """One uploaded image: the unaltered original, what its header said, and to whom it belongs."""

    clinic = models.ForeignKey(Clinic, verbose_name=_("clinic"), on_delete=models.PROTECT, related_name="scans")
    patient = models.ForeignKey(Patient, verbose_name=_("patient"), on_delete=models.PROTECT, related_name="scans")
    series = models.ForeignKey(Series, verbose_name=_("series"), on_delete=models.PROTECT, related_name="images")
    modality = models.CharField(_("modality"), max_length=3, choices=Modality.choices)

    original = models.FileField(
        _("original"), storage=private_storage, upload_to=original_path, max_length=100, editable=False
    )
    original_name = models.CharField(
        _("original name"), max_length=200, help_text=_("As the uploader's machine called it; for display only.")
    )
    file_format = models.CharField(_("file format"), max_length=5, choices=FileFormat.choices)
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    byte_size = models.PositiveBigIntegerField(_("bytes"))
    width = models.PositiveIntegerField(_("width"), help_text=_("pixels"))
    height = models.PositiveIntegerField(_("height"), help_text=_("pixels"))
    bits = models.PositiveSmallIntegerField(_("bits a pixel"), help_text=_("significant bits of a stored pixel"))

    # From a DICOM header; empty for other formats. Shown and searched, never trusted.
    study_instance_uid = models.CharField(_("study instance UID"), max_length=64, blank=True)
    series_instance_uid = models.CharField(_("series instance UID"), max_length=64, blank=True)
    sop_instance_uid = models.CharField(_("SOP instance UID"), max_length=64, blank=True)
    instance_number = models.IntegerField(_("instance number"), null=True, blank=True)
    accession_number = models.CharField(_("accession number"), max_length=64, blank=True)
    body_part = models.CharField(_("body part"), max_length=64, blank=True)
    view_position = models.CharField(_("view position"), max_length=16, blank=True)
    acquired_at = models.DateTimeField(_("taken"), null=True, blank=True)
    row_spacing = models.FloatField(_("row spacing"), null=True, blank=True, help_text=_("mm between rows"))
    column_spacing = models.FloatField(_("column spacing"), null=True, blank=True, help_text=_("mm between columns"))

    role = models.CharField(
        _("role"),
        max_length=10,
        blank=True,
        help_text=_("frontal, lateral, axial, scout, derived, other; not said: empty"),
    )
    slice_position = models.FloatField(
        _("slice position"), null=True, blank=True, help_text=_("mm along the patient's axis; CT slices only")
    )
    pixel_sha256 = models.CharField(
        _("SHA-256 of the pixels"), max_length=64, blank=True, help_text=_("empty: from before it was kept")
    )
    not_classified_code = models.CharField(
        _("reason for no probability"),
        max_length=40,
        blank=True,
        help_text=_("why no classifier is asked about it, as a code; empty: one may be"),
    )
    not_classified_params = models.JSONField(default=dict, blank=True)

    uploaded_at = models.DateTimeField(_("uploaded"), auto_now_add=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("uploaded by"), on_delete=models.PROTECT, related_name="+"
    )
    identity_differences = models.JSONField(
        _("identity differences"),
        default=list,
        blank=True,
        help_text=_("messages that say what file and record disagreed on when the uploader confirmed the patient"),
    )

    withdrawal = models.ForeignKey(
        "diagnosis.Withdrawal",
        verbose_name=_("taken back by"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="images",
        help_text=_("empty: it stands"),
    )

    objects = ScanManager()
    with_withdrawn = ScanQuerySet.as_manager()

    class Meta:
        verbose_name = _("scan")
        verbose_name_plural = _("scans")
        ordering = ["-uploaded_at", "-id"]
        constraints = [
            # What was taken back may be uploaded again, for another patient or in another examination.
            models.UniqueConstraint(
                fields=["clinic", "sha256"], condition=models.Q(withdrawal=None), name="one_scan_per_file_and_clinic"
            ),
            models.CheckConstraint(condition=models.Q(modality__in=Modality.values), name="scan_modality_known"),
        ]
        indexes = [
            models.Index(fields=["patient", "-uploaded_at"]),
            models.Index(fields=["clinic", "-uploaded_at"]),
            models.Index(fields=["series_instance_uid", "instance_number"]),
        ]

    def __str__(self) -> str:
        return gettext("%(modality)s of %(patient)s, %(day)s") % {
            "modality": self.get_modality_display(),
            "patient": self.patient,
            "day": date_format(localtime(self.uploaded_at), "DATE_FORMAT"),
        }

    @property
    def comes_in_series(self) -> bool:
        """Whether it is of a modality in which a file is one slice of several."""
        return Modality(self.modality).comes_in_series

    @property
    def in_series(self) -> bool:
        """Whether it is a slice that names its series."""
        return self.comes_in_series and bool(self.series_instance_uid)

    @property
    def not_classified(self) -> str:
        """Why no classifier is asked about it, in the active language; empty where one may be."""
        return messages.reason(self.not_classified_code, self.not_classified_params)

    @property
    def identity_note(self) -> str:
        """What file and record disagreed on when the uploader confirmed the patient; empty where nothing."""
        return messages.sentences(self.identity_differences)

    @property
    def study(self) -> Study:
        return self.series.study

    @property
    def study_id(self) -> uuid.UUID:
        return self.series.study_id

    @property
    def analyses(self) -> AnalysisQuerySet:
        """Those that saw this image: of its whole study, or of this image alone."""
        return self.study.analyses.of_image(self)

    @property
    def reviews(self) -> ReviewQuerySet:
        """The readings of its study; of this image alone where it was read before its study was one."""
        return self.study.reviews.of_image(self)

    @property
    def report(self) -> Report | None:
        """The newest of its study that speaks of it and stands; uses a prefetch of the study's `reports`."""
        return standing_among(speaking_of(self.study.reports.all(), self.pk))

    @property
    def seen_by(self) -> list[Analysis]:
        """Those of `analyses`, from a prefetch of the study's where there is one."""
        return speaking_of(self.study.analyses.all(), self.pk)

    @property
    def latest_analysis(self) -> Analysis | None:
        """The newest by number of those that saw it; uses a prefetch of the study's `analyses`."""
        return max(self.seen_by, key=lambda analysis: analysis.number, default=None)
