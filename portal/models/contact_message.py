from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class ContactMessageQuerySet(models.QuerySet["ContactMessage"]):
    def new(self) -> ContactMessageQuerySet:
        return self.filter(handled_at=None)

    def handle(self, *, by: User) -> int:
        """Mark those still new as handled by `by`; returns how many were."""
        return self.new().update(handled_at=timezone.now(), handled_by=by)


class ContactMessage(models.Model):
    """A visitor's message. New until somebody handled it: who and when, together or not at all."""

    name = models.CharField(_("name"), max_length=120)
    email = models.EmailField(_("e-mail address"))
    subject = models.CharField(_("subject"), max_length=160)
    body = models.TextField(_("message"), max_length=4000)
    sent_at = models.DateTimeField(_("sent"), auto_now_add=True)
    mailed_at = models.DateTimeField(_("mailed"), null=True, blank=True, editable=False)
    handled_at = models.DateTimeField(_("handled"), null=True, blank=True, editable=False)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("handled by"),
    )

    objects = ContactMessageQuerySet.as_manager()

    class Meta:
        ordering = ["-sent_at"]
        verbose_name = _("contact message")
        verbose_name_plural = _("contact messages")
        constraints = [
            models.CheckConstraint(
                condition=Q(handled_at=None, handled_by=None) | Q(handled_at__isnull=False, handled_by__isnull=False),
                name="contact_handled_by_and_at_together",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject} ({self.name})"
