from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.api_token import digest

if TYPE_CHECKING:
    from accounts.models.user import User

LASTS = timedelta(days=7)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def issue(self, *, user: User, by: User) -> str:
        """The secret of a new link, shown this once; a link that `user` had before ends."""
        secret = secrets.token_urlsafe(32)
        now = timezone.now()
        kept = {"digest": digest(secret), "by": by, "created_at": now, "expires_at": now + LASTS}
        self.update_or_create(user=user, defaults=kept)
        return secret

    def open(self, secret_digest: str) -> InvitationQuerySet:
        """The invitation that the link with this secret still opens: one row or none."""
        return self.filter(digest=secret_digest, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """A link by which a new person chooses their first password. Used once, it is gone."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitation", verbose_name=_("user")
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("by"))
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"))

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        return str(self.user)
