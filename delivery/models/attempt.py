from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from delivery.models.delivery import Delivery
from diagnosis.messages import in_active_language


class Outcome(models.TextChoices):
    DELIVERED = "delivered", _("Delivered")
    AGAIN = "again", _("To be tried again")
    REFUSED = "refused", _("Refused")
    LOST = "lost", _("Its worker was lost")


class DeliveryAttempt(models.Model):
    """One try. Database triggers refuse every UPDATE and DELETE: what left the portal, and when, is on record."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="log")
    at = models.DateTimeField(_("time"), default=timezone.now)
    outcome = models.CharField(_("outcome"), max_length=9, choices=Outcome.choices)
    answer = models.TextField(_("answer"), blank=True)
    seconds = models.FloatField(_("duration"), default=0)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.outcome}"

    @property
    def answer_text(self) -> str:
        return in_active_language(self.answer)
