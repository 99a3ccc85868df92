from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from diagnosis import messages
from diagnosis.models import Patient, Scan
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from network.models.prior_retrieval import PriorRetrieval
from network.models.received_study import ReceivedStudy
from network.models.remote_entity import RemoteEntity

TAKEN_BACK = {"variant": "taken_back"}


class InstanceStatus(models.TextChoices):
    RECEIVED = "received", _("Received")
    WAITING = "waiting", _("Waiting for a person")
    FILED = "filed", _("Filed")
    KEPT = "kept", _("Kept, not shown")
    REJECTED = "rejected", _("Rejected")


class ReceivedInstanceQuerySet(ClinicalQuerySet["ReceivedInstance"]):
    patient_paths = ("scan__patient",)

    def without_hidden(self, user: User, *, study: str = "") -> Self:
        shown = ReceivedStudy.objects.without_hidden(user).filter(pk=OuterRef("study"))
        return super().without_hidden(user, study=study).filter(Q(study=None) | Exists(shown))

    def unsorted(self, now: datetime) -> Self:
        """What no worker has sorted yet, and none holds."""
        return self.filter(Q(held_until=None) | Q(held_until__lt=now), status=InstanceStatus.RECEIVED)

    def held_as(self, rows: Sequence[ReceivedInstance]) -> Self:
        """Those of `rows` whose lease is still the one that their worker was given with all of them."""
        pks, leases = [row.pk for row in rows], {row.held_until for row in rows}
        return self.filter(pk__in=pks, status=InstanceStatus.RECEIVED, held_until__in=leases)

    def filed_elsewhere(self, patient: Patient) -> Self:
        """Those whose image is not with `patient` any more: it was moved, or taken back."""
        return self.filter(status=InstanceStatus.FILED).exclude(scan__patient=patient, scan__withdrawal=None)


class ReceivedInstance(ClinicalModel):
    """One SOP instance as it came: its bytes lie in the spool until they are an image's, and this row says so.

    `sop_instance_uid` and `sop_class_uid` are those of the C-STORE request; the data set was not opened for them.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="received_instances")
    entity = models.ForeignKey(RemoteEntity, on_delete=models.PROTECT, related_name="instances")
    sop_class_uid = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64)
    transfer_syntax_uid = models.CharField(max_length=64)
    sha256 = models.CharField(_("SHA-256"), max_length=64, help_text="of the data set, without the head of the file")
    byte_size = models.PositiveBigIntegerField(_("bytes"))
    address = models.GenericIPAddressField(_("address"))
    received_at = models.DateTimeField(_("received"))
    status = models.CharField(
        _("status"), max_length=8, choices=InstanceStatus.choices, default=InstanceStatus.RECEIVED
    )
    # A worker's lease; a row whose lease ran out is anybody's.
    held_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    reason_code = models.CharField(max_length=40, blank=True, help_text="a code of diagnosis.messages")
    reason_params = models.JSONField(default=dict, blank=True)
    retrieval = models.ForeignKey(
        PriorRetrieval,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="instances",
        help_text="for which it was fetched; empty: somebody sent it",
    )
    study = models.ForeignKey(ReceivedStudy, null=True, blank=True, on_delete=models.PROTECT, related_name="instances")
    scan = models.ForeignKey(Scan, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = ReceivedInstanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("received instance")
        verbose_name_plural = _("received instances")
        ordering = ["received_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["clinic", "sop_instance_uid", "sha256"], name="one_instance_per_bytes")
        ]
        indexes = [models.Index(fields=["status", "received_at"], name="received_instance_line")]

    def __str__(self) -> str:
        return self.sop_instance_uid

    @property
    def is_taken_back(self) -> bool:
        """Whether its image was taken back, and nobody has said since where it belongs."""
        return self.reason_params == TAKEN_BACK

    @property
    def reason_text(self) -> str:
        """Why it waits or is not shown, in the active language."""
        return messages.reason(self.reason_code, self.reason_params)
