from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from network.models.remote_entity import RemoteEntity


class CommitmentStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    REPORTED = "reported", _("Reported")
    GIVEN_UP = "given_up", _("Given up")


class CommitmentRequestQuerySet(models.QuerySet["CommitmentRequest"]):
    def due(self, now: datetime) -> Self:
        """What has not been reported, is not being reported, and may be tried now."""
        return self.free(now).filter(next_try_at__lte=now)

    def free(self, now: datetime) -> Self:
        return self.filter(Q(held_until=None) | Q(held_until__lt=now), status=CommitmentStatus.WAITING)

    def held_as(self, row: CommitmentRequest) -> Self:
        """`row`, where its lease is still the one that was taken for it."""
        return self.filter(pk=row.pk, status=CommitmentStatus.WAITING, held_until=row.held_until)


class CommitmentRequest(models.Model):
    """That a sender asked whether instances are kept, so that it may delete its own: PS3.4 annex J.

    `instances`: [SOP class UID, SOP instance UID] of each. The row outlives the association and the listener.
    """

    entity = models.ForeignKey(RemoteEntity, on_delete=models.PROTECT, related_name="commitments")
    transaction_uid = models.CharField(max_length=64)
    instances = models.JSONField()
    address = models.GenericIPAddressField(_("address"))
    requested_at = models.DateTimeField()
    status = models.CharField(
        _("status"), max_length=8, choices=CommitmentStatus.choices, default=CommitmentStatus.WAITING
    )
    held_until = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = CommitmentRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("storage commitment request")
        verbose_name_plural = _("storage commitment requests")
        constraints = [
            models.UniqueConstraint(fields=["entity", "transaction_uid"], name="one_commitment_per_transaction")
        ]
        indexes = [models.Index(fields=["status", "next_try_at"], name="commitment_line")]

    def __str__(self) -> str:
        return self.transaction_uid
