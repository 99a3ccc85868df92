from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class ReadingPreference(models.Model):
    """One person's choices: how they read and how they are told."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="reading_preference"
    )
    read_first = models.BooleanField(
        default=False, help_text="hide the classifiers' result until I have committed a first impression"
    )
    mail_results = models.BooleanField(default=False, help_text="mail me when a result or report of my upload is ready")

    mail_daily = models.BooleanField(default=False, help_text="collect what is mailed into one mail a day")
    digest_sent_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("reading preference")
        verbose_name_plural = _("reading preferences")

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"

    @classmethod
    def of(cls, user: User) -> ReadingPreference:
        """The person's choices, or the defaults (unsaved) where they made none."""
        return cls.objects.filter(user=user).first() or cls(user=user)
