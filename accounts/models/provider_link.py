from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.models.user import User


class ProviderLinkQuerySet(models.QuerySet["ProviderLink"]):
    def of(self, user: User) -> ProviderLinkQuerySet:
        """Of the provider that is configured now."""
        return self.filter(user_id=user.pk, issuer=settings.OIDC_ISSUER)

    def known_as(self, issuer: str, subject: str) -> ProviderLinkQuerySet:
        return self.filter(issuer=issuer, subject=subject)


class ProviderLink(models.Model):
    """Whom the provider of single sign-on means by a subject, which it never gives to anybody else."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="provider_links", verbose_name=_("user")
    )
    issuer = models.CharField(_("provider"), max_length=255)
    subject = models.CharField(_("name at the provider"), max_length=255)
    linked_at = models.DateTimeField(_("connected"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    objects = ProviderLinkQuerySet.as_manager()

    class Meta:
        ordering = ["user__email"]
        verbose_name = _("connected sign-in")
        verbose_name_plural = _("connected sign-ins")
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="one_person_per_subject"),
            models.UniqueConstraint(fields=["user", "issuer"], name="one_subject_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.issuer}"


def signs_in_elsewhere(user: User) -> bool:
    """By the provider alone: a password of their own would outlive their account there."""
    return not user.has_usable_password() and bool(settings.OIDC_ISSUER) and ProviderLink.objects.of(user).exists()
