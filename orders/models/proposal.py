from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from diagnosis.models import Patient
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from orders.models.source import OrderSource


class ProposalStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting for a person")
    MERGED = "merged", _("Merged")
    DROPPED = "dropped", _("Not merged")


class MergeProposalQuerySet(ClinicalQuerySet["MergeProposal"]):
    patient_paths = ("gone", "kept")

    def waiting(self) -> MergeProposalQuerySet:
        return self.filter(status=ProposalStatus.WAITING)


class MergeProposal(ClinicalModel):
    """Another system says that two records are one person's. A person of this clinic decides: no message merges."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="merge_proposals")
    source = models.ForeignKey(OrderSource, on_delete=models.PROTECT, related_name="merge_proposals")
    gone = models.ForeignKey(
        Patient, on_delete=models.PROTECT, related_name="+", help_text="the record that the other system uses no more"
    )
    kept = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(_("status"), max_length=7, choices=ProposalStatus.choices, default=ProposalStatus.WAITING)
    made_at = models.DateTimeField(_("received"), auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=400, blank=True, help_text="why it was not done")

    objects = MergeProposalQuerySet.as_manager()

    class Meta:
        verbose_name = _("proposal to merge")
        verbose_name_plural = _("proposals to merge")
        ordering = ["made_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["gone", "kept"], condition=Q(status=ProposalStatus.WAITING), name="one_waiting_merge_proposal"
            )
        ]

    def __str__(self) -> str:
        return f"{self.gone_id} into {self.kept_id}"
