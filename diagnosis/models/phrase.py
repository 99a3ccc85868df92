from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Clinic, User
from diagnosis.models.base import ClinicalModel, ClinicalQuerySet
from diagnosis.models.modality import Modality


class PhraseQuerySet(ClinicalQuerySet["Phrase"]):
    def of(self, user: User, clinic: Clinic) -> Self:
        """Their own in the clinic."""
        return self.filter(owner=user.pk, clinic=clinic)

    def shared(self, clinic: Clinic) -> Self:
        """The clinic's, for everybody who reads there."""
        return self.filter(owner=None, clinic=clinic)

    def offered(self, user: User, clinic: Clinic, modality: str) -> Self:
        """What a reading of that modality offers: their own first, then the clinic's, each by name."""
        usable = self.filter(Q(owner=user.pk) | Q(owner=None), clinic=clinic, modality__in=("", modality))
        return usable.order_by(models.F("owner").asc(nulls_last=True), "name", "pk")


class Phrase(ClinicalModel):
    """Words that a reader puts into a report by one press, with fields in brackets to be filled in: "[size] mm"."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="whose it is; empty: the clinic's",
    )
    name = models.CharField(_("name"), max_length=80)
    modality = models.CharField(_("for"), max_length=3, choices=Modality.choices, blank=True, default="")
    findings = models.TextField(_("findings"), max_length=4000, blank=True, default="")
    impression = models.TextField(_("impression"), max_length=2000, blank=True, default="")
    changed_at = models.DateTimeField(auto_now=True)

    objects = PhraseQuerySet.as_manager()

    class Meta:
        verbose_name = _("phrase")
        verbose_name_plural = _("phrases")
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(findings="", impression=""), name="phrase_says_something"),
        ]
        indexes = [models.Index(fields=["clinic", "owner"], name="phrase_of_whom")]

    def __str__(self) -> str:
        return self.name

    @property
    def said(self) -> list[str]:
        """What it puts into findings and impression, without what is empty."""
        return [words for words in (self.findings, self.impression) if words]
