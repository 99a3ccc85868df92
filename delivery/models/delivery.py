from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from delivery.models.destination import Content, Destination
from delivery.states import DELIVERY_MOVES, OPEN, DeliveryStatus
from diagnosis.messages import in_active_language
from diagnosis.models import Report, Study
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.states import check_move

_S = DeliveryStatus


class DeliveryQuerySet(ClinicalQuerySet["Delivery"]):
    clinic_path = "destination__clinic"
    study_path = "study"

    def due(self, now: datetime) -> Self:
        """What a worker may take: its time has come, or whoever had it is gone."""
        waits = Q(status=_S.WAITING, next_attempt_at__lte=now)
        return self.filter(waits | Q(status=_S.SENDING, held_until__lt=now))

    def first_in_line(self) -> Self:
        """Nothing before an older one of the same content, study and destination that has not ended: a correction never
        overtakes what it corrects.
        """
        older = Delivery.objects.filter(
            destination=OuterRef("destination"),
            content=OuterRef("content"),
            study=OuterRef("study"),
            status__in=OPEN,
            queued_at__lt=OuterRef("queued_at"),
        )
        return self.filter(~Exists(older))

    def held_as(self, row: Delivery) -> Self:
        """`row`, where its lease is still the one that its worker was given."""
        return self.filter(pk=row.pk, status=_S.SENDING, held_until=row.held_until)

    def move(self, pk: UUID, source: StrEnum, target: StrEnum, **changes: Any) -> bool:
        """One conditional UPDATE. Returns whether this caller made the move."""
        check_move(DELIVERY_MOVES, source, target)
        return bool(self.filter(pk=pk, status=source).update(status=target, **changes))

    def overdue(self) -> Self:
        return self.filter(status__in=OPEN, queued_at__lt=timezone.now() - settings.DELIVERY_OVERDUE)


class Delivery(ClinicalModel):
    """One thing for one destination. The row is the job: a worker holds it by a lease, and whatever ends the worker,
    the next one goes on. So a receiver may be given the same thing twice, and knows it by its identifiers.

    `key` names the thing among those of its destination, and is queued once. `payload` is what was true when it was
    queued and must be sent as it was then.
    """

    destination = models.ForeignKey(
        Destination, verbose_name=_("destination"), on_delete=models.PROTECT, related_name="deliveries"
    )
    content = models.CharField(_("content"), max_length=16, choices=Content.choices)
    # Null once its study was deleted, and for an event of no study.
    study = models.ForeignKey(
        Study, verbose_name=_("study"), null=True, blank=True, on_delete=models.PROTECT, related_name="deliveries"
    )
    report = models.ForeignKey(Report, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=120, editable=False)
    payload = models.JSONField(default=dict, blank=True)
    status = models.CharField(_("status"), max_length=9, choices=_S.choices, default=_S.WAITING)
    queued_at = models.DateTimeField(_("queued"), default=timezone.now)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), default=timezone.now)
    # A worker's lease; a row whose lease ran out is anybody's.
    held_until = models.DateTimeField(null=True, blank=True)
    last_answer = models.TextField(_("last answer"), blank=True, default="")
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-queued_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["destination", "key"], name="one_delivery_per_destination_and_key"),
            models.CheckConstraint(condition=Q(status__in=_S.values), name="delivery_status_known"),
            models.CheckConstraint(
                condition=Q(status=_S.SENDING, held_until__isnull=False) | ~Q(status=_S.SENDING) & Q(held_until=None),
                name="delivery_held_while_sent",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="delivery_line", condition=Q(status__in=OPEN)),
            models.Index(fields=["destination", "-queued_at", "-id"], name="delivery_of_destination"),
        ]

    def __str__(self) -> str:
        return f"{self.get_content_display()} → {self.destination}"

    def keep(self, payload: dict[str, Any]) -> bool:
        """Keep `payload` for the next try. False where the caller's lease has ended: the study may be gone."""
        if self.status == _S.SENDING and not Delivery.objects.held_as(self).update(payload=payload):
            return False
        self.payload = payload
        return True

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def is_overdue(self) -> bool:
        return self.is_open and self.queued_at < timezone.now() - settings.DELIVERY_OVERDUE

    @property
    def orders(self) -> list[str]:
        """The numbers of the orders that it answers, where its content names them."""
        named = self.payload.get("orders") or ()
        return [number for one in named if (number := one.get("placer") or one.get("filler") or one.get("accession"))]

    @property
    def answer(self) -> str:
        """How it was answered last: our own sentences in the active language, codes and the receiver's words as they
        came, a line each.
        """
        return in_active_language(self.last_answer)
