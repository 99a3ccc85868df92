from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.models.user import User


class ProviderLinkQuerySet(models.QuerySet["ProviderLink"]):
    def standing(self) -> ProviderLinkQuerySet:
        return self.filter(ended_at=None)

    def of(self, user: User) -> ProviderLinkQuerySet:
        """That stand, of the provider that is configured now."""
        return self.standing().filter(user_id=user.pk, issuer=settings.OIDC_ISSUER)

    def known_as(self, issuer: str, subject: str) -> ProviderLinkQuerySet:
        """One that stands, and those that ended."""
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
    # The `auth_time` of the last use.
    authenticated_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When the provider last said which groups the person is in.
    groups_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Whoever gives out addresses made it, not the person: it opens no account of the administration.
    by_email = models.BooleanField(default=False, db_default=False, editable=False)
    # It is kept: the subject must not be taken for this person by its address once more.
    ended_at = models.DateTimeField(_("disconnected"), null=True, blank=True)

    objects = ProviderLinkQuerySet.as_manager()

    class Meta:
        ordering = ["user__email"]
        verbose_name = _("connected sign-in")
        verbose_name_plural = _("connected sign-ins")
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "subject"], condition=models.Q(ended_at=None), name="one_person_per_subject"
            ),
            models.UniqueConstraint(
                fields=["user", "issuer"], condition=models.Q(ended_at=None), name="one_subject_per_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.issuer}"

    @property
    def opens_account(self) -> bool:
        """Whoever gives out addresses at the provider would else run the portal."""
        return not (self.by_email and (self.user.is_staff or self.user.is_superuser))


def signs_in_elsewhere(user: User) -> bool:
    """By the provider alone: a password of their own would outlive their account there."""
    if user.has_usable_password() or not settings.OIDC_ISSUER:
        return False
    return any(link.opens_account for link in ProviderLink.objects.of(user).select_related("user"))
