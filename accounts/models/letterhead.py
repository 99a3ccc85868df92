from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.clinic import Clinic


class Letterhead(models.Model):
    """What stands at the head of a clinic's printed pages. Apart from the clinic, whose row every page reads."""

    clinic = models.OneToOneField(Clinic, models.PROTECT, related_name="letterhead", verbose_name=_("clinic"))
    address = models.TextField(
        _("address"), max_length=300, blank=True, help_text=_("Street, place and telephone, a line each.")
    )
    logo = models.BinaryField(_("logo"), null=True, editable=False)

    class Meta:
        verbose_name = _("letterhead")
        verbose_name_plural = _("letterheads")

    def __str__(self) -> str:
        return self.clinic.name
