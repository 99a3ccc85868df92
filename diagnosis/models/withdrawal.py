from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic
from diagnosis.models.study import Study
from diagnosis.models.undoable import Undoable, UndoableQuerySet


class WithdrawalQuerySet(UndoableQuerySet["Withdrawal"]):
    study_path = "study"


class Withdrawal(Undoable):
    """Images that their uploader took back before anybody read them. They stay stored, and may be brought back.

    Each of them points here while it is away, and so does the study when none of its images is left.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="withdrawals")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="withdrawals")
    scans = models.JSONField(help_text="keys of the images that were taken back")

    objects = WithdrawalQuerySet.as_manager()

    class Meta(Undoable.Meta):
        verbose_name = _("withdrawal")
        verbose_name_plural = _("withdrawals")
        indexes = [models.Index(fields=["clinic", "-made_at"], name="withdrawal_newest")]

    @property
    def taken(self) -> list[uuid.UUID]:
        """Keys of the images."""
        return [uuid.UUID(key) for key in self.scans]

    def __str__(self) -> str:
        return f"{len(self.scans)} of {self.study_id} taken back"
