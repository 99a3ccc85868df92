from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from diagnosis.models import Patient, Study
from diagnosis.models.base import ClinicalModel
from diagnosis.models.state_machine import MachineQuerySet, TransitionRow
from diagnosis.models.study import Priority
from orders.models.source import OrderSource
from orders.states import OPEN, ORDER_MOVES, OrderStatus


class OrderQuerySet(MachineQuerySet["Order"]):
    moves = ORDER_MOVES
    transition, subject = "OrderTransition", "order"
    patient_paths = ("patient",)

    def open(self) -> Self:
        """Without images, and wanted."""
        return self.filter(status__in=OPEN)

    def overdue(self, before: datetime) -> Self:
        """Open ones whose images should have been here before then."""
        return self.open().filter(expected_at__lt=before)

    def contradicted(self) -> Self:
        """Those whose accession number stands on images that cannot be theirs: of another patient, or made although
        the order was cancelled.
        """
        same = Study.objects.filter(clinic=OuterRef("clinic"), accession_number=OuterRef("accession_number"))
        elsewhere = same.exclude(patient=Coalesce(OuterRef("patient__merged_into"), OuterRef("patient")))
        made_all_the_same = same.filter(received_at__gt=OuterRef("cancelled_at"))
        return self.exclude(accession_number="").filter(
            Q(Exists(elsewhere), status__in=OPEN) | Q(Exists(made_all_the_same), status=OrderStatus.CANCELLED)
        )


class Order(ClinicalModel):
    """One examination that somebody asked for. Its words are those of the ordering system; `study` answers it."""

    clinic = models.ForeignKey(Clinic, verbose_name=_("clinic"), on_delete=models.PROTECT, related_name="orders")
    patient = models.ForeignKey(Patient, verbose_name=_("patient"), on_delete=models.PROTECT, related_name="orders")
    source = models.ForeignKey(
        OrderSource,
        verbose_name=_("ordering system"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="orders",
        help_text=_("empty: a person placed it"),
    )
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("placed by"), on_delete=models.PROTECT, related_name="+"
    )
    placer_number = models.CharField(_("placer order number"), max_length=64, blank=True)
    filler_number = models.CharField(_("filler order number"), max_length=64, blank=True)
    accession_number = models.CharField(_("accession number"), max_length=64, blank=True)
    study_instance_uid = models.CharField(_("study instance UID"), max_length=64, blank=True)
    procedure_code = models.CharField(_("procedure code"), max_length=64, blank=True)
    procedure_description = models.CharField(_("procedure"), max_length=200, blank=True)
    modality = models.CharField(
        _("modality"), max_length=16, blank=True, help_text=_("as DICOM writes it: CR, DX, CT; empty: not said")
    )
    clinical_question = models.TextField(_("clinical question"), max_length=2000, blank=True)
    referring_physician = models.CharField(_("referring physician"), max_length=200, blank=True)
    ward = models.CharField(_("ward"), max_length=120, blank=True)
    priority = models.CharField(_("priority"), max_length=7, choices=Priority.choices, blank=True)
    requested_at = models.DateTimeField(_("requested"))
    scheduled_at = models.DateTimeField(_("scheduled"), null=True, blank=True)
    expected_at = models.DateTimeField(_("expected"), editable=False, help_text=_("when scheduled, else requested"))
    status = models.CharField(
        _("status"), max_length=10, choices=OrderStatus.choices, default=OrderStatus.ORDERED, editable=False
    )
    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True, editable=False)
    study = models.ForeignKey(
        Study,
        verbose_name=_("study"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="orders",
        help_text=_("its images; empty: they are not here"),
    )
    former_study = models.ForeignKey(
        Study,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the images that it had and let go of, until it has others",
    )
    created_at = models.DateTimeField(_("received"), auto_now_add=True)
    changed_at = models.DateTimeField(
        null=True, editable=False, help_text="when the ordering system last changed its words; empty: never"
    )

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["expected_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "placer_number"],
                condition=~Q(placer_number=""),
                name="one_order_per_placer_number_and_source",
            ),
            models.CheckConstraint(
                condition=Q(study=None, status__in=(*OPEN, OrderStatus.CANCELLED))
                | Q(study__isnull=False) & ~Q(status__in=(*OPEN, OrderStatus.CANCELLED)),
                name="order_has_images_or_waits",
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "status", "expected_at", "id"], name="order_waiting"),
            models.Index(fields=["clinic", "accession_number"], name="order_by_accession"),
        ]

    def __str__(self) -> str:
        return self.accession_number or self.placer_number or self.filler_number or str(self.pk)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


class OrderTransition(TransitionRow):
    """One move of one order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="transitions")

    class Meta(TransitionRow.Meta):
        verbose_name = _("step of an order")
        verbose_name_plural = _("steps of an order")

    @property
    def target_label(self) -> str:
        """The state that it led to, in the active language."""
        return str(OrderStatus(self.target).label)
