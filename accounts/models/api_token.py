from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.membership import Membership
from accounts.scopes import EVERYTHING, Choice, plausible

if TYPE_CHECKING:
    from accounts.models.user import User

PREFIX = "cip_"


def digest(secret: str) -> str:
    """SHA-256, hexadecimal. Unsalted and fast on purpose: the secret has 256 random bits, nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self, now: datetime | None = None) -> ApiTokenQuerySet:
        """Not revoked, not expired, of a membership that still counts."""
        return self.filter(
            Q(revoked_at=None) & Q(expires_at__gt=now or timezone.now()),
            membership__in=Membership.objects.active(),
        )

    def visible_to(self, user: User) -> ApiTokenQuerySet:
        return self.filter(membership__user_id=user.pk)

    def issue(
        self, *, membership: Membership, name: str, scopes: str = EVERYTHING, days: int | None = None
    ) -> tuple[ApiToken, str]:
        """A new token and its secret; the secret is shown this once and only its digest is kept.

        It lasts for `days`, and no longer than the portal lets any token last.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        longest = settings.API_TOKEN_LIFETIME
        lifetime = longest if days is None else min(timedelta(days=days), longest)
        made = {"membership": membership, "name": name, "scopes": " ".join(scopes.split())}
        token = self.create(**made, digest=digest(secret), expires_at=timezone.now() + lifetime)
        return token, secret

    def revoke(self) -> int:
        """Revoke those of these that are not yet; returns how many changed."""
        return self.filter(revoked_at=None).update(revoked_at=timezone.now())


class ApiToken(models.Model):
    """A program's key: acts as one person in one clinic, until it expires or is revoked."""

    membership = models.ForeignKey(
        Membership, on_delete=models.PROTECT, related_name="api_tokens", verbose_name=_("membership")
    )
    name = models.CharField(_("name"), max_length=80, help_text=_("What uses it, for example “ward 3 scanner”."))
    scopes = models.CharField(
        _("scopes"),
        max_length=400,
        default=EVERYTHING,
        validators=[plausible],
        help_text=_("What it may do of what its person may do; * for everything."),
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.name} ({self.membership})"

    @property
    def may(self) -> str:
        """What its scopes come to, in words where the form offers them."""
        chosen = {str(one.value): one.label for one in Choice}
        return str(chosen.get(self.scopes, self.scopes))
