from __future__ import annotations

import hashlib

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic


def digest_of(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()


class ErasedStudy(models.Model):
    """That a study with this UID was deleted for good: a late image of it must not begin a new one by itself."""

    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64, help_text="SHA-256 of its study instance UID")
    erased_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("deleted study")
        verbose_name_plural = _("deleted studies")
        constraints = [models.UniqueConstraint(fields=["clinic", "digest"], name="one_erased_study_per_uid")]

    def __str__(self) -> str:
        return self.digest
